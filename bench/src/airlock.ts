import { freePort, type ServerName, waitFor } from '@airlock/dev-servers'
import pg from 'pg'
import { type BenchStack, graceMs, shippedCommand } from './bench-stack.ts'
import { airlockUpload } from './contestants.ts'
import type { BenchFile } from './files.ts'
import { cpuMsOf, resetPeakMemory } from './process-usage.ts'
import { percentile } from './statistics.ts'

/** A gateway and a worker with the local store, as `npm start` runs them, and a database of their own. */
export type Airlock = Awaited<ReturnType<typeof startAirlockWhole>>

/** The processes whose CPU time belongs to an upload. */
type ProcessName = 'gateway' | 'worker' | ServerName

interface AirlockOptions {
  /** Settings of both services that differ from the defaults. */
  readonly settings?: Readonly<Record<string, string>>
  /** Started at once by default. */
  readonly worker?: boolean
  /** The ports at which the processes can be inspected; none by default. */
  readonly inspectors?: Readonly<Record<'gateway' | 'worker', number>>
}

export async function startAirlockWhole(stack: BenchStack, { settings, worker = true, inspectors }: AirlockOptions = {}) {
  await using opened = new AsyncDisposableStack()
  const common = { ...(await stack.airlockSettings('local')), ...settings }
  const sql = new pg.Client({ connectionString: common.DATABASE_URL })
  await sql.connect()
  opened.defer(() => sql.end())
  const begun: Date = (await sql.query('select now()')).rows[0].now
  const [port, workerPort] = [await freePort(), await freePort()]
  const commandOf = (name: 'gateway' | 'worker') => {
    const [node = '', ...args] = shippedCommand(name)
    return [node, ...(inspectors === undefined ? [] : [`--inspect=127.0.0.1:${inspectors[name]}`]), ...args]
  }
  const start = async (name: 'gateway' | 'worker', at: number, env: Readonly<Record<string, string>>) => {
    const service = await stack.start({ name, command: commandOf(name), env: { ...common, ...env }, port: at })
    opened.defer(() => service.stop(graceMs))
    return service
  }
  const pids: Record<ProcessName, number> = {
    gateway: (await start('gateway', port, { PORT: `${port}` })).pid,
    worker: worker ? (await start('worker', workerPort, { WORKER_PORT: `${workerPort}` })).pid : 0,
    postgres: stack.servers.postgres,
    redis: stack.servers.redis,
    s3: stack.servers.s3,
  }
  const url = `http://127.0.0.1:${port}`
  const kept = opened.move()

  const cpu = () => Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuMsOf(pid)])) as Record<ProcessName, number>
  // By an index, and without those that a benchmark has seeded, so that asking often costs Postgres little.
  const completed = async () => Number((await sql.query('select count(*) from assets where created_at >= $1', [begun])).rows[0].count)

  const send = (file: BenchFile, files: number, clients: number) =>
    stack.send({ ...airlockUpload(url, stack.jwtSecret, file, clients), requests: files, timeoutMs: 120_000 })

  return {
    url,
    sql,
    pids,
    /** Starts a worker that the caller stops. */
    startWorker: () =>
      stack.start({
        name: 'worker',
        command: shippedCommand('worker'),
        env: { ...common, WORKER_PORT: `${workerPort}` },
        port: workerPort,
      }),
    /** How many uploads were completed since the start. */
    completed,
    /** Uploads a file many times. @param clients at once, each as a user of its own */
    send,
    /** Uploads a file many times, and waits until all are assets. @param clients at once, each as a user of its own */
    async process(file: BenchFile, files: number, clients: number) {
      const done = await completed()
      for (const pid of [pids.gateway, pids.worker]) resetPeakMemory(pid)
      const [before, from] = [cpu(), performance.now()]
      await send(file, files, clients)
      await waitFor(async () => (await completed()) >= done + files, {
        what: `${files} uploads of ${file.name} to be completed`,
        timeoutMs: 180_000,
        everyMs: files === 1 ? 20 : 100, // each of these questions is work for Postgres
      })
      const seconds = (performance.now() - from) / 1000
      const after = cpu()
      const each = Object.keys(pids).map((name) => [name, (after[name as ProcessName] - before[name as ProcessName]) / files])
      return { perSecond: files / seconds, cpuMs: Object.fromEntries(each) as Record<ProcessName, number> }
    },
    /** From acceptance to completion by the clock of Postgres, of the last uploads, in ms. */
    async latencies(uploads: number) {
      const { rows } = await sql.query<{ ms: number }>(
        `select 1000 * extract(epoch from completed_at - received_at)::float8 as ms from uploads
         where state = 'completed' order by completed_at desc limit $1`,
        [uploads],
      )
      const ms = rows.map((row) => row.ms)
      return { p50: percentile(ms, 0.5), p99: percentile(ms, 0.99), longest: Math.max(...ms) }
    },
    stop: () => kept.disposeAsync(),
  }
}
