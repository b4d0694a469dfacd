import type { ServerState } from '@airlock/database'
import type { RedisState } from '@airlock/queue'
import { printable } from '../../table.ts'
import type { Dependency } from '../status/read-status.ts'
import { type FindingOf, ok, orOk, problem, skipped, unknown } from './finding.ts'

const remedies = {
  postgres: 'Repair it, or correct DATABASE_URL (docs/troubleshooting.md#a-server-is-unreachable)',
  redis: 'Repair it, or correct REDIS_URL (docs/troubleshooting.md#a-server-is-unreachable)',
  s3: 'Repair it, or correct the settings S3_… and AWS_… (docs/troubleshooting.md#the-store-refuses-requests)',
} as const

/** A check that takes longer is slow: that of the alert. */
const slowMs = 500

export function dependency({ dependency: name, up, latencyMs, error }: Dependency): readonly FindingOf[] {
  if (!up) return [problem(`unavailable: ${error}`, remedies[name])]
  if (latencyMs !== null && latencyMs > slowMs)
    return [problem(`responds in ${latencyMs} ms`, 'Find out what slows it down (docs/runbook.md#airlockdependencyslow)')]
  return [ok(`responds in ${latencyMs} ms`)]
}

export function migrations({ pendingMigrations: pending, unknownMigrations: newer, isStandby }: ServerState): readonly FindingOf[] {
  const found = [
    ...(pending.length === 0
      ? []
      : [
          problem(`${pending.length} have not run: ${pending.join(', ')}`, 'npm run migrate, before this version runs (docs/operating.md)'),
        ]),
    ...(isStandby ? [problem('DATABASE_URL is a standby, which refuses writes', 'Set DATABASE_URL to the primary server')] : []),
  ]
  const ahead = newer.length === 0 ? '' : `; ${newer.length} of a newer version have run, which this version tolerates`
  return orOk(found, `all have run${ahead}`)
}

/** Of the connections, the share from which on new processes may be refused. */
const mostUsed = 0.85

/** What a worker opens beside its pool: two for checks, three for notifications. */
const besidePool = 5

export function connections({ connections: used, maxConnections: max }: ServerState, poolSize: number): readonly FindingOf[] {
  const pair = 2 * (poolSize + besidePool)
  const remedy = 'Raise max_connections, lower DATABASE_POOL_SIZE, or use PgBouncer (docs/operating.md#can-i-use-pgbouncer)'
  return orOk(
    [
      ...(used > mostUsed * max ? [problem(`${used} of ${max} connections to Postgres are open`, remedy)] : []),
      ...(pair > max ? [problem(`one gateway and one worker may open ${pair} connections, Postgres allows ${max}`, remedy)] : []),
    ],
    `${used} of ${max} to Postgres are open; a process opens up to ${poolSize + besidePool}`,
  )
}

const mostMemory = 0.85

export function redisSettings(state: RedisState): readonly FindingOf[] {
  const { evictionPolicy, usedBytes, maxBytes, isReplica, isSavingFailing, appendOnly, version } = state
  const found = [
    ...(evictionPolicy === ''
      ? [unknown('its maxmemory-policy is not shown to our user', 'Make sure that it is noeviction')]
      : evictionPolicy === 'noeviction'
        ? []
        : [
            problem(
              `maxmemory-policy is ${printable(evictionPolicy)}: it may delete jobs`,
              'redis-cli config set maxmemory-policy noeviction, and the same in its configuration',
            ),
          ]),
    ...(maxBytes !== null && usedBytes > mostMemory * maxBytes
      ? [
          problem(
            `${Math.round((100 * usedBytes) / maxBytes)} % of its memory is used; when it is full, it refuses jobs`,
            'Raise maxmemory, or find what fills it: npm run ops -- jobs',
          ),
        ]
      : []),
    ...(isReplica ? [problem('REDIS_URL is a replica, which refuses writes', 'Set REDIS_URL to the primary server')] : []),
    ...(isSavingFailing
      ? [problem("it can't save its data, and may refuse writes", 'See its log; usually its disk is full: redis-cli info persistence')]
      : []),
  ]
  return orOk(
    found,
    `version ${printable(version)}, noeviction, ${appendOnly ? 'append-only file' : 'no append-only file; jobs that it loses are enqueued again'}`,
  )
}

/** A clock, and how far it is ahead of ours. */
export interface Clock {
  readonly name: string
  /** Null: not known. */
  readonly aheadMs: number | null
}

/** Larger differences confuse logs; S3 refuses signatures from 15 minutes on, and tokens expire at the wrong time. */
const mostApartMs = 5000

/** Compares all clocks with the median of them, which is right unless most are wrong. */
export function clocks(others: readonly Clock[]): readonly FindingOf[] {
  const known = [{ name: 'this machine', aheadMs: 0 }, ...others].filter((clock) => clock.aheadMs !== null) as {
    name: string
    aheadMs: number
  }[]
  if (known.length === 1) return [skipped('no other clock could be read')]
  const sorted = known.map(({ aheadMs }) => aheadMs).toSorted((a, b) => a - b)
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  const found = known
    .map(({ name, aheadMs }) => ({ name, apartMs: aheadMs - median }))
    .filter(({ apartMs }) => Math.abs(apartMs) > mostApartMs)
    .map(({ name, apartMs }) =>
      problem(
        `the clock of ${name} is ${Math.round(Math.abs(apartMs) / 1000)} s ${apartMs > 0 ? 'ahead of' : 'behind'} the others`,
        'Synchronise it by NTP (chrony, systemd-timesyncd)',
      ),
    )
  return orOk(found, `${known.map(({ name }) => name).join(', ')} differ by less than ${mostApartMs / 1000} s`)
}
