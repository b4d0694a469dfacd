import { EntitySchema } from 'typeorm'
import type { DuePurge } from '../purges/purge.ts'
import { moment, momentOfInsert } from './columns.ts'

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
