import type { EntityManager, SelectQueryBuilder } from 'typeorm'
import { Upload, type UploadRow } from '../entities/upload.ts'
import type { Sessions } from '../sessions.ts'
import { asRecord, type UploadRecord } from './record.ts'

/** The end of a batch. */
export interface Cursor {
  readonly at: Date
  readonly id: string
}

export interface BatchOptions {
  /** The maximum of uploads in a batch. */
  readonly limit: number
  /** The cursor of the previous batch; none for the first. */
  readonly after?: Cursor | null
}

export interface Batch {
  /** The longest unmoved first. */
  readonly uploads: readonly UploadRecord[]
  /** Null when this batch was the last. */
  readonly next: Cursor | null
}

/** Uploads that stopped moving, for the sweeper and operators. Ages are by the database's clock. */
export interface Unmoved {
  /** `received`, due, and unchanged for the given time: their job may be lost. */
  waiting(options: BatchOptions & { olderThanSeconds: number }): Promise<Batch>
  /** `processing` with an expired lease: their worker has died. */
  lapsed(options: BatchOptions): Promise<Batch>
  /** `receiving` for longer than their request can have taken; direct uploads have a deadline of their own (`expiredDirect`). */
  stale(options: BatchOptions & { olderThanSeconds: number }): Promise<Batch>
  /** `parked`, for operators. */
  parked(options: BatchOptions): Promise<Batch>
  /** The database's time, for the ages of objects: the clock of a worker may be wrong. */
  clock(): Promise<Date>
}

export const unmoved = (sessions: Sessions): Unmoved => {
  const batch = (state: UploadRow['state'], by: Age, olderThanSeconds: number, options: BatchOptions) =>
    sessions.run(async ({ entities }) => {
      const rows = await inOrder(entities, by, options)
        .andWhere(`upload.state = '${state}'`) // part of the statement's text, otherwise the planner can't use the index of that state
        .andWhere(`upload.${by} <= now() - make_interval(secs => :olderThanSeconds)`, { olderThanSeconds })
        .andWhere('(upload.nextAttemptAt is null or upload.nextAttemptAt <= now())')
        .andWhere(state === 'receiving' ? `upload.door <> 'direct'` : 'true')
        .getMany()
      return batchOf(rows, by, options.limit)
    })

  return {
    waiting: ({ olderThanSeconds, ...options }) => batch('received', 'updatedAt', olderThanSeconds, options),
    lapsed: (options) => batch('processing', 'leaseUntil', 0, options),
    stale: ({ olderThanSeconds, ...options }) => batch('receiving', 'createdAt', olderThanSeconds, options),
    parked: (options) => batch('parked', 'parkedAt', 0, options),
    clock: () =>
      sessions.run(async ({ rows }) => {
        const [row] = await rows('select now() as at')
        return row?.at as Date
      }),
  }
}

type Age = 'updatedAt' | 'leaseUntil' | 'createdAt' | 'parkedAt' | 'expiresAt'

/** Begins a statement for one batch. */
export function inOrder(entities: EntityManager, by: Age, { limit, after }: BatchOptions): SelectQueryBuilder<UploadRow> {
  const query = entities.createQueryBuilder(Upload, 'upload').orderBy(`upload.${by}`).addOrderBy('upload.id').limit(limit)
  return after ? query.where(`(upload.${by}, upload.id) > (:at, :id)`, after) : query
}

export function batchOf(rows: UploadRow[], by: Age, limit: number): Batch {
  const last = rows.at(-1)
  const at = last?.[by] ?? null
  return {
    uploads: rows.map(asRecord),
    next: last === undefined || at === null || rows.length < limit ? null : { at, id: last.id },
  }
}
