import { freePort, type ServerName, waitFor } from '@airlock/dev-servers'
import pg from 'pg'
import { type BenchStack, shippedCommand } from './bench-stack.ts'
import { airlockUpload } from './contestants.ts'
import type { BenchFile } from './files.ts'
import { cpuMsOf, resetPeakMemory } from './process-usage.ts'
import { percentile } from './statistics.ts'

/** A gateway and a worker with the local store, as `npm start` runs them, and a database of their own. */
export type Airlock = Awaited<ReturnType<typeof startAirlockWhole>>

/** The processes whose CPU time belongs to an upload. */
type ProcessName = 'gateway' | 'worker' | ServerName

/** @param settings of both services that differ from the defaults */
export async function startAirlockWhole(stack: BenchStack, settings: Readonly<Record<string, string>> = {}) {
  await using opened = new AsyncDisposableStack()
  const common = { ...(await stack.airlockSettings('local')), ...settings }
  const sql = new pg.Client({ connectionString: common.DATABASE_URL })
  await sql.connect()
  opened.defer(() => sql.end())
  const [port, workerPort] = [await freePort(), await freePort()]
  const start = async (name: 'gateway' | 'worker', at: number, env: Readonly<Record<string, string>>) => {
    const service = await stack.start({ name, command: shippedCommand(name), env: { ...common, ...env }, port: at })
    opened.defer(() => service.stop(10_000))
    return service.pid
  }
  const pids: Record<ProcessName, number> = {
    gateway: await start('gateway', port, { PORT: `${port}` }),
    worker: await start('worker', workerPort, { WORKER_PORT: `${workerPort}` }),
    postgres: stack.servers.postgres,
    redis: stack.servers.redis,
    s3: stack.servers.s3,
  }
  const url = `http://127.0.0.1:${port}`
  const kept = opened.move()

  const cpu = () => Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuMsOf(pid)])) as Record<ProcessName, number>
  const count = async (state: string) => Number((await sql.query('select count(*) from uploads where state = $1', [state])).rows[0].count)

  return {
    url,
    sql,
    pids,
    databaseUrl: common.DATABASE_URL,
    /** Uploads a file many times, and waits until all are assets. @param clients at once, each as a user of its own */
    async process(file: BenchFile, files: number, clients: number) {
      const done = await count('completed')
      for (const pid of [pids.gateway, pids.worker]) resetPeakMemory(pid)
      const [before, begun] = [cpu(), performance.now()]
      await stack.send({ ...airlockUpload(url, stack.jwtSecret, file, clients), requests: files, timeoutMs: 120_000 })
      await waitFor(async () => (await count('completed')) >= done + files, {
        what: `${files} uploads of ${file.name} to be completed`,
        timeoutMs: 180_000,
        everyMs: 20,
      })
      const seconds = (performance.now() - begun) / 1000
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
