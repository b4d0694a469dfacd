import type { Sessions, Transaction } from '../sessions.ts'

/** What `accessLog.maintain` did. */
export interface AccessLogUpkeep {
  /** False when another process was doing it; then nothing was done. */
  readonly ran: boolean
  /** Partitions that were created, oldest first. */
  readonly created: readonly string[]
  /** Partitions that were dropped. */
  readonly dropped: readonly string[]
  /** Entries that were moved from the default partition to that of their month. */
  readonly moved: number
  /** Entries of the default partition that were deleted because of their age. */
  readonly deleted: number
  /** Months whose partition can't be created, because the default partition has too many of their entries to move at once. */
  readonly notCreated: readonly string[]
}

/** How many months are created in advance. */
const monthsAhead = 2
/** The maximum of entries moved or deleted in one pass: they are locked and in the server's memory for its duration. */
const mostMoved = 20_000

const lockKey = 4_128_775_602

/**
 * Maintains the partitions: drops old ones, then creates new ones, each in its own transaction, so that a failure does not undo the others.
 *
 * @throws DatabaseUnavailable when the table is too busy
 */
export async function maintain(sessions: Sessions, keepDays: number): Promise<AccessLogUpkeep> {
  const dropped = await step(sessions, async (transaction) => ((await isFree(transaction)) ? dropMonths(transaction, keepDays) : null))
  if (dropped === null) return { ran: false, created: [], dropped: [], moved: 0, deleted: 0, notCreated: [] }

  const deleted = await step(sessions, ({ rows }) => rows(deleteOld, [keepDays, mostMoved]))
  const months = await step(sessions, async ({ rows }) => (await rows(missingMonths, [monthsAhead])) as unknown as Month[])
  const [created, notCreated]: [string[], string[]] = [[], []]
  let moved = 0
  for (const month of months) {
    const entries = await step(sessions, (transaction) => makeMonth(transaction, month))
    if (entries === 'there already') continue
    if (entries === 'too many') notCreated.push(month.name)
    else {
      created.push(month.name)
      moved += entries
    }
  }
  return { ran: true, created, dropped, moved, deleted: deleted.length, notCreated }
}

/** With a short lock timeout, because a statement that waits for a table lock blocks all later ones. */
const step = <T>(sessions: Sessions, work: (transaction: Transaction) => Promise<T>): Promise<T> =>
  sessions.transaction(async (transaction) => {
    await transaction.rows(`set local lock_timeout = '2s'`)
    return work(transaction)
  })

/** Takes the advisory lock until the end of the transaction. @returns false when another process has it */
async function isFree({ rows }: Transaction): Promise<boolean> {
  const [lock] = await rows('select pg_try_advisory_xact_lock($1) as held', [lockKey])
  return lock?.held === true
}

async function dropMonths({ rows }: Transaction, keepDays: number): Promise<string[]> {
  const old = (await rows(oldMonths, [keepDays])).map(({ name }) => String(name))
  for (const name of old) await rows(`drop table ${name}`)
  return old
}

interface Month {
  readonly name: string
  /** Both as SQL literals. */
  readonly first: string
  readonly next: string
}

/**
 * Creates the partition of a month with its entries from the default partition: Postgres refuses a partition while the default one has rows that
 * belong to it.
 *
 * @returns how many entries were moved
 */
async function makeMonth({ rows }: Transaction, { name, first, next }: Month): Promise<number | 'too many' | 'there already'> {
  const ofMonth = `at >= ${first} and at < ${next}`
  await rows('select pg_advisory_xact_lock($1)', [lockKey])
  // The whole log, not only the default partition: a writer that had already chosen that one would fail after the change.
  await rows('lock table asset_access_log in access exclusive mode')
  // Under the lock, because only then does Postgres see what others have changed since this transaction began.
  const [there] = await rows('select to_regclass($1) is not null as already', [name])
  if (there?.already) return 'there already'
  const held = await rows(`select from asset_access_log_rest where ${ofMonth} limit ${mostMoved + 1}`)
  if (held.length > mostMoved) return 'too many'
  await rows(`create table ${name} (like asset_access_log including defaults)`)
  await rows(`with moved as (delete from asset_access_log_rest where ${ofMonth} returning *) insert into ${name} select * from moved`)
  await rows(`alter table asset_access_log attach partition ${name} for values from (${first}) to (${next})`)
  return held.length
}

/** Months begin at midnight UTC, in whatever time zone the server is. */
const missingMonths = `
  select name, quote_literal(first || ' 00:00:00+00') as first, quote_literal(next || ' 00:00:00+00') as next
  from (
    select 'asset_access_log_' || to_char(month, 'YYYY_MM') as name,
      to_char(month, 'YYYY-MM-DD') as first, to_char(month + interval '1 month', 'YYYY-MM-DD') as next
    from generate_series(0, $1::integer) as n,
      lateral (select date_trunc('month', now() at time zone 'UTC') + make_interval(months => n) as month) as calendar
  ) as months
  where to_regclass(name) is null order by name`

/** The names of partitions sort like their months. */
const oldMonths = `
  select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
  where inhparent = 'asset_access_log'::regclass and relname ~ '^asset_access_log_[0-9]{4}_[0-9]{2}$'
    and relname::text collate "C" < 'asset_access_log_' || to_char((now() at time zone 'UTC') - make_interval(days => $1), 'YYYY_MM')
  order by relname`

const deleteOld = `
  delete from asset_access_log_rest where ctid in (
    select ctid from asset_access_log_rest where at < now() - make_interval(days => $1) limit $2)
  returning 1`
