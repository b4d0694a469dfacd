import { setTimeout as wait } from 'node:timers/promises'
import type { Condition } from '@airlock/testkit/faulty-link'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Arena } from './arena.ts'
import type { History } from './history.ts'
import { insist } from './product.ts'
import { describeFault, type Fault, type KindName, members, type Target } from './schedule.ts'

/** Starts a fault. @returns a function that ends it */
type Strike = (fault: Fault, arena: Arena) => Promise<() => Promise<void>>

/** How each fault is started and ended. */
const strikes: Record<KindName, Strike> = {
  kill: async ({ target }, arena) => {
    const member = memberOf(target, arena)
    await member.kill()
    return () => member.start()
  },
  freeze: async ({ target }, arena) => {
    const member = memberOf(target, arena)
    member.signal('SIGSTOP')
    return async () => member.signal('SIGCONT')
  },
  restart: async ({ target }, arena) => {
    const member = memberOf(target, arena)
    const stopped = member.stop()
    return async () => {
      await stopped
      await member.start()
    }
  },
  flush: async (_fault, arena) => {
    await redisDo(arena, (redis) => redis.flushall())
    return async () => {}
  },
  full: async ({ target }, arena) => ('server' in target && target.server === 'redis' ? fillRedis(arena) : crowdPostgres(arena)),
  pause: async ({ target }, arena) => {
    const controls = controlsOf(target, arena)
    await controls.pause()
    return () => controls.resume()
  },
  bounce: async ({ target }, arena) => {
    const controls = controlsOf(target, arena)
    await controls.stop()
    return () => controls.start()
  },
  crash: async ({ target }, arena) => {
    const controls = controlsOf(target, arena)
    await controls.crash()
    return () => controls.start()
  },
  readonly: async (_fault, arena) => {
    await makeReadOnly(arena, true)
    return () => makeReadOnly(arena, false)
  },
  cut: (fault, arena) => spoilLinks(fault, arena, { kind: 'cut' }),
  hole: (fault, arena) => spoilLinks(fault, arena, { kind: 'hole' }),
  mute: (fault, arena) => spoilLinks(fault, arena, { kind: 'mute' }),
  busy: (fault, arena) => spoilLinks(fault, arena, { kind: 'busy' }),
  slow: (fault, arena) => spoilLinks(fault, arena, { kind: 'slow', delayMs: fault.degree }),
  thin: (fault, arena) => spoilLinks(fault, arena, { kind: 'thin', bytesPerSecond: fault.degree * 1024 }),
}

/**
 * Runs a schedule. Every fault has ended when it returns, even if it was stopped early.
 *
 * @returns the number of faults
 */
export async function unleash(schedule: readonly Fault[], arena: Arena, history: History, signal: AbortSignal): Promise<number> {
  const begun = performance.now()
  let count = 0
  const one = async (fault: Fault) => {
    await wait(Math.max(0, begun + fault.atMs - performance.now()), undefined, { signal })
    count += 1
    history.add({ event: 'fault', what: describeFault(fault) })
    const heal = await strikes[fault.kind](fault, arena)
    await wait(fault.lastsMs, undefined, { signal }).catch(() => {})
    await heal()
    history.add({ event: 'fault over', what: describeFault(fault) })
  }
  const ends = await Promise.allSettled(schedule.map(one))
  const failed = ends.find((end) => end.status === 'rejected' && !signal.aborted)
  if (failed?.status === 'rejected') throw failed.reason
  return count
}

/** Repairs everything: all processes and servers run, all links work. */
export async function healAll(arena: Arena): Promise<void> {
  for (const server of ['postgres', 'redis', 's3'] as const) {
    const { controls } = arena.stack.servers[server]
    await controls?.resume().catch(() => {}) // an engine refuses to unpause a running container
    await controls?.start()
    for (const member of members) arena.link(member, server).become({ kind: 'open' })
  }
  await makeReadOnly(arena, false)
  await redisDo(arena, (redis) => redis.config('SET', 'maxmemory', '0'))
  for (const name of members) {
    arena.member(name).signal('SIGCONT')
    await arena.member(name).start()
  }
}

function memberOf(target: Target, arena: Arena) {
  if (!('member' in target)) throw new Error('this fault hits processes')
  return arena.member(target.member)
}

function controlsOf(target: Target, arena: Arena) {
  if (!('server' in target)) throw new Error('this fault hits servers')
  const { controls } = arena.stack.servers[target.server]
  if (controls === null) throw new Error(`${target.server} was not started by the stack`)
  return controls
}

async function spoilLinks({ target }: Fault, arena: Arena, condition: Condition): Promise<() => Promise<void>> {
  if (!('link' in target)) throw new Error('this fault hits links')
  const links = (target.from === 'all' ? members : [target.from]).map((member) => arena.link(member, target.link))
  for (const link of links) link.become(condition)
  return async () => {
    for (const link of links) link.become({ kind: 'open' })
  }
}

/** With `noeviction`, every command that needs memory is refused from now on. */
async function fillRedis(arena: Arena): Promise<() => Promise<void>> {
  await redisDo(arena, (redis) => redis.config('SET', 'maxmemory', '1'))
  return () => redisDo(arena, (redis) => redis.config('SET', 'maxmemory', '0'))
}

/** Occupies all connections of Postgres. */
async function crowdPostgres(arena: Arena): Promise<() => Promise<void>> {
  const held: Client[] = []
  for (let full = false; !full && held.length < 400; ) {
    const batch = Array.from(
      { length: 20 },
      () => new Client({ connectionString: arena.stack.postgres.url, connectionTimeoutMillis: 2000 }),
    )
    for (const client of batch) client.on('error', () => {}) // Postgres may be stopped meanwhile
    const opened = await Promise.allSettled(batch.map((client) => client.connect()))
    full = opened.some(({ status }) => status === 'rejected')
    held.push(...batch.filter((_, index) => opened[index]?.status === 'fulfilled'))
  }
  return async () => {
    await Promise.all(held.map((client) => client.end().catch(() => {})))
  }
}

/** Open sessions become read-only too, at their next transaction. */
async function makeReadOnly(arena: Arena, on: boolean): Promise<void> {
  await insist(arena, `alter system set default_transaction_read_only = ${on ? 'on' : 'off'}`)
  await insist(arena, 'select pg_reload_conf()')
}

/** Redis may be unavailable because of another fault: then this one waits for it, or is skipped. */
async function redisDo(arena: Arena, work: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(arena.stack.redis.url, { connectTimeout: 2000, commandTimeout: 8000, maxRetriesPerRequest: 20 })
  redis.on('error', () => {})
  try {
    await work(redis)
  } finally {
    redis.disconnect()
  }
}
