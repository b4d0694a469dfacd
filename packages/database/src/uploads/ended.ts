import { rowReader } from '../entities/columns.ts'
import { Upload } from '../entities/upload.ts'
import { atMost } from '../ids.ts'
import type { Sessions } from '../sessions.ts'
import { asRecord, type UploadRecord } from './record.ts'
import { type Batch, type BatchOptions, batchOf, inOrder } from './unmoved.ts'

/** Queries of the sweeper for what the object store still has of ended uploads. */
export interface Ended {
  /** Uploads of any owner with these final keys, at most 100; in no order. */
  byFinalKeys(keys: readonly string[]): Promise<UploadRecord[]>
  /**
   * Accepted uploads that are not final, whose bytes must therefore exist, in the order of their ids.
   *
   * @param options.after the last id of the previous batch; null for the first batch
   * @param options.limit the maximum number of uploads
   */
  alive(options: { after: string | null; limit: number }): Promise<UploadRecord[]>
  /** Final uploads that ended at least `olderThanDays` ago, in the order of their ends. */
  outdated(options: BatchOptions & { olderThanDays: number }): Promise<Batch>
  /** Deletes the row of a final upload that ended at least `olderThanDays` ago. @returns false for any other upload; nothing was changed */
  forget(id: string, options: { olderThanDays: number }): Promise<boolean>
}

const read = rowReader(Upload)

/** Part of the statement's text, so that the planner can use the index of these states. */
const isFinal = `state in ('completed', 'rejected', 'abandoned')`

export const ended = (sessions: Sessions): Ended => ({
  byFinalKeys: async (keys) => {
    atMost(100, keys)
    const rows = await sessions.run((session) => session.rows('select * from uploads where final_key = any($1::text[])', [keys]))
    return rows.map((row) => asRecord(read(row)))
  },
  alive: async ({ after, limit }) => {
    const rows = await sessions.run((session) => session.rows(alive, [after, limit]))
    return rows.map((row) => asRecord(read(row)))
  },
  outdated: ({ olderThanDays, ...options }) =>
    sessions.run(async ({ entities }) => {
      const rows = await inOrder(entities, 'updatedAt', options)
        .andWhere(`upload.${isFinal}`)
        .andWhere('upload.updatedAt <= now() - make_interval(days => :olderThanDays)', { olderThanDays })
        .getMany()
      return batchOf(rows, 'updatedAt', options.limit)
    }),
  forget: async (id, { olderThanDays }) => {
    const rows = await sessions.run((session) => session.rows(forget, [id, olderThanDays]))
    return rows.length === 1
  },
})

const alive = `
  select * from uploads
  where state in ('received', 'processing', 'parked') and ($1::uuid is null or id > $1::uuid)
  order by id limit $2`

const forget = `
  delete from uploads where id = $1 and ${isFinal} and updated_at <= now() - make_interval(days => $2)
  returning id`
