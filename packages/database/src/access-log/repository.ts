import type { Sessions } from '../sessions.ts'
import { storableText } from '../uploads/client-text.ts'
import { type AccessLogUpkeep, maintain } from './partitions.ts'

/** Somebody asked for an asset, and was given it or not. */
export interface AccessEntry {
  /** Who asked. */
  readonly userId: string
  readonly assetId: string
  /** What was asked for: at most 40 characters. */
  readonly action: string
  /** Only what was granted counts as use of the asset. Another word says why it was not: at most 40 characters. */
  readonly result: 'granted' | (string & {})
  /** How long a URL was asked to live; null where there is none. */
  readonly hours: number | null
  readonly requestId: string | null
  readonly ipHash: string | null
  readonly at: Date
}

/** So many entries fit into one `write`. */
export const maxAccessEntries = 5000

export interface AccessLog {
  /**
   * Writes down who accessed what, and moves `lastAccessedAt` of the assets that were granted, at most once an hour.
   * An asset whose row is locked at this moment is moved by a later access: nobody waits for a log.
   *
   * @throws RangeError for more than `maxAccessEntries`
   */
  write(entries: readonly AccessEntry[]): Promise<void>
  /**
   * Makes the months ahead, moves what fell into the default partition, and drops months that ended more than `keepDays` ago.
   * Any number of processes may call it at once: one works.
   */
  maintain(options: { keepDays: number }): Promise<AccessLogUpkeep>
}

export const accessLog = (sessions: Sessions): AccessLog => ({
  async write(entries) {
    if (entries.length > maxAccessEntries) throw new RangeError(`${entries.length} entries at once, the limit is ${maxAccessEntries}`)
    if (entries.length === 0) return
    await sessions.run(({ rows }) => rows(write, [JSON.stringify(entries.map(storable))]))
  },
  maintain: ({ keepDays }) => maintain(sessions, keepDays),
})

const storable = ({ action, result, requestId, ipHash, ...entry }: AccessEntry) => ({
  ...entry,
  action: storableText(action, 40),
  result: storableText(result, 40),
  requestId: requestId === null ? null : storableText(requestId, 200),
  ipHash: ipHash === null ? null : storableText(ipHash, 128),
})

/** One statement for both. An access also saves an asset that was marked as unused. */
const write = `
  with entry as (
    select * from jsonb_to_recordset($1) as e(
      "userId" uuid, "assetId" uuid, action text, result text, hours integer, "requestId" text, "ipHash" text, at timestamptz)
  ), logged as (
    insert into asset_access_log (at, user_id, asset_id, action, result, hours, request_id, ip_hash)
    select at, "userId", "assetId", action, result, hours, "requestId", "ipHash" from entry
  ), used as (
    select id from assets
    where id in (select "assetId" from entry where result = 'granted')
      and (last_accessed_at is null or last_accessed_at <= now() - interval '1 hour' or expiring_at is not null)
    order by id for no key update skip locked
  )
  update assets set last_accessed_at = now(), expiring_at = null from used where assets.id = used.id`
