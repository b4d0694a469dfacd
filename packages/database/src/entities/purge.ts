import { EntitySchema } from 'typeorm'
import type { Purge as PurgeRecord } from '../purges/purge.ts'
import { moment, momentOfInsert } from './columns.ts'

/** An object that must go, as its row holds it. */
export interface PurgeRow extends PurgeRecord {
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
