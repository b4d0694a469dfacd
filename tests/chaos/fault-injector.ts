import { setTimeout as wait } from 'node:timers/promises'
import { type Controls, withRedis } from '@airlock/dev-servers'
import type { Condition } from '@airlock/testkit/faulty-link'
import type { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Cluster } from './cluster.ts'
import type { History } from './history.ts'
import type { ManagedProcess } from './managed-process.ts'
import { describeFault, type Fault, type kinds, processNames, type ServerName, serverNames } from './schedule.ts'
import { execute, withRetries } from './statements.ts'

/** Ends a fault. */
type Repair = () => Promise<unknown>

const processFaults: Record<keyof typeof kinds.process, (target: ManagedProcess) => Promise<Repair>> = {
  kill: (target) => target.kill().then(() => () => target.start()),
  freeze: async (target) => {
    target.signal('SIGSTOP')
    return async () => target.signal('SIGCONT')
  },
  restart: async (target) => {
    const stopped = target.stop()
    return () => stopped.then(() => target.start())
  },
}

const serverFaults: Record<keyof typeof kinds.server, (controls: Controls, cluster: Cluster, server: ServerName) => Promise<Repair>> = {
  flush: (_, cluster) => onRedis(cluster, (redis) => redis.flushall()).then(() => async () => {}),
  full: (_, cluster, server) =>
    server === 'redis' ? setRedisMemory(cluster, 1).then(() => () => setRedisMemory(cluster, 0)) : occupyPostgres(cluster),
  pause: (controls) => controls.pause().then(() => controls.resume),
  bounce: (controls) => controls.stop().then(() => controls.start),
  crash: (controls) => controls.crash().then(() => controls.start),
  readonly: (_, cluster) => setReadOnly(cluster, true).then(() => () => setReadOnly(cluster, false)),
}

/**
 * Runs a schedule. Every fault has ended when it returns, even if it was stopped early.
 *
 * @returns the number of faults
 */
export async function injectFaults(schedule: readonly Fault[], cluster: Cluster, history: History, signal: AbortSignal): Promise<number> {
  const begun = performance.now()
  let count = 0
  const inject = async (fault: Fault) => {
    await wait(Math.max(0, begun + fault.atMs - performance.now()), undefined, { signal })
    count += 1
    history.add({ event: 'fault', what: describeFault(fault) })
    const repair = await begin(fault, cluster)
    await wait(fault.lastsMs, undefined, { signal }).catch(() => {})
    await repair()
    history.add({ event: 'fault over', what: describeFault(fault) })
  }
  const ends = await Promise.allSettled(schedule.map(inject))
  const failed = ends.find((end) => end.status === 'rejected' && !signal.aborted)
  if (failed?.status === 'rejected') throw failed.reason
  return count
}

async function begin(fault: Fault, cluster: Cluster): Promise<Repair> {
  if (fault.on === 'process') return processFaults[fault.kind](cluster.process(fault.process))
  if (fault.on === 'server') return serverFaults[fault.kind](cluster.controls(fault.server), cluster, fault.server)
  const links = (fault.from === 'all' ? processNames : [fault.from]).map((name) => cluster.link(name, fault.server))
  const setAll = (condition: Condition) => {
    for (const link of links) link.become(condition)
  }
  setAll(conditionOf(fault.kind, fault.degree))
  return async () => setAll({ kind: 'open' })
}

function conditionOf(kind: keyof typeof kinds.link, degree: number): Condition {
  if (kind === 'slow') return { kind, delayMs: degree }
  return kind === 'thin' ? { kind, bytesPerSecond: degree * 1024 } : { kind }
}

/** Repairs everything: all processes and servers run, all links work. */
export async function repairAll(cluster: Cluster): Promise<void> {
  for (const server of serverNames) {
    const controls = cluster.controls(server)
    await controls.resume().catch(() => {}) // an engine refuses to unpause a running container
    await controls.start()
    for (const name of processNames) cluster.link(name, server).become({ kind: 'open' })
  }
  await setReadOnly(cluster, false)
  await setRedisMemory(cluster, 0)
  for (const name of processNames) {
    cluster.process(name).signal('SIGCONT')
    await cluster.process(name).start()
  }
}

/** @param bytes 0: no limit. With `noeviction`, every command that needs more memory is refused */
const setRedisMemory = (cluster: Cluster, bytes: number) => onRedis(cluster, (redis) => redis.config('SET', 'maxmemory', bytes))

/** Occupies all connections of Postgres. */
async function occupyPostgres(cluster: Cluster): Promise<Repair> {
  const held: Client[] = []
  for (let full = false; !full && held.length < 400; ) {
    const batch = Array.from(
      { length: 20 },
      () => new Client({ connectionString: cluster.stack.postgres.url, connectionTimeoutMillis: 2000 }),
    )
    for (const client of batch) client.on('error', () => {}) // Postgres may be stopped meanwhile
    const opened = await Promise.allSettled(batch.map((client) => client.connect()))
    full = opened.some(({ status }) => status === 'rejected')
    held.push(...batch.filter((_, index) => opened[index]?.status === 'fulfilled'))
  }
  return () => Promise.all(held.map((client) => client.end().catch(() => {})))
}

/** Open sessions become read-only too, at their next transaction. */
async function setReadOnly(cluster: Cluster, on: boolean): Promise<void> {
  await execute(cluster, `alter system set default_transaction_read_only = ${on ? 'on' : 'off'}`)
  await execute(cluster, 'select pg_reload_conf()')
}

/** Redis may be unavailable because of another fault: then this one waits for it. */
const onRedis = (cluster: Cluster, work: (redis: Redis) => Promise<unknown>) => withRetries(() => withRedis(cluster.stack.redis.url, work))
