import { EntitySchema } from 'typeorm'
import { moment, momentOfInsert } from './columns.ts'

/** An object that must be removed. */
export interface DuePurge {
  readonly key: string
  /** The object's metadata names it as well. */
  readonly uploadId: string
  readonly requestedAt: Date
  /** When the object was removed for the first time; null until then. */
  readonly firstDoneAt: Date | null
}

/** The row of an object that must be removed. */
export interface PurgeRow extends DuePurge {
  readonly dueAt: Date
}

export const Purge = new EntitySchema<PurgeRow>({
  name: 'Purge',
  tableName: 'purges',
  columns: {
    key: { type: 'text', primary: true },
    uploadId: { name: 'upload_id', type: 'uuid' },
    requestedAt: { ...momentOfInsert, name: 'requested_at' },
    firstDoneAt: { ...moment, name: 'done_first_at' },
    dueAt: { ...momentOfInsert, name: 'due_at' },
  },
})
