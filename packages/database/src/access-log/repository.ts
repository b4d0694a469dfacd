import type { Sessions } from '../sessions.ts'
import { storableText } from '../uploads/record.ts'
import { type AccessLogUpkeep, maintain } from './partitions.ts'

/** An access to an asset that was requested, and granted or refused. */
export interface AccessEntry {
  /** The user who requested it. */
  readonly userId: string
  readonly assetId: string
  /** The kind of access; at most 40 characters. */
  readonly action: string
  /** Only granted accesses count as use of the asset. Any other value is the reason for a refusal; at most 40 characters. */
  readonly result: 'granted' | (string & {})
  /** The requested lifetime of a URL; null for other accesses. */
  readonly hours: number | null
  readonly requestId: string | null
  readonly ipHash: string | null
  readonly at: Date
}

/** The maximum of entries in one `write`. */
export const maxAccessEntries = 5000

export interface AccessLog {
  /**
   * Records accesses, and updates `lastAccessedAt` of the assets to which access was granted, at most once an hour.
   * Locked assets are skipped and updated by a later access, so that the log never waits.
   *
   * @throws RangeError for more than `maxAccessEntries`
   */
  write(entries: readonly AccessEntry[]): Promise<void>
  /**
   * Creates the next months' partitions, moves entries out of the default partition, and drops months that ended more than `keepDays` ago.
   * Any number of processes may call it at once: one does the work.
   */
  maintain(options: { keepDays: number }): Promise<AccessLogUpkeep>
}

export const accessLog = (sessions: Sessions): AccessLog => ({
  async write(entries) {
    if (entries.length > maxAccessEntries)
      throw new RangeError(`${entries.length} entries in one write, the maximum is ${maxAccessEntries}`)
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

/** One statement for both. An access also removes an asset's mark as unused. */
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
