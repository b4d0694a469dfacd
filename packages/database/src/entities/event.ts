import { EntitySchema } from 'typeorm'
import type { EventRecord } from '../events/record.ts'
import { exactNumber, moment } from './columns.ts'

/** The row of an event. */
export interface EventRow extends EventRecord {
  readonly positionedAt: Date | null
}

export const Event = new EntitySchema<EventRow>({
  name: 'Event',
  tableName: 'events',
  columns: {
    id: { type: 'uuid', primary: true, default: () => 'gen_random_uuid()' },
    type: { type: 'text' },
    uploadId: { name: 'upload_id', type: 'uuid' },
    sequence: { type: 'integer' },
    userId: { name: 'user_id', type: 'uuid' },
    payload: { type: 'jsonb' },
    createdAt: { ...moment, name: 'created_at', nullable: false, default: () => 'clock_timestamp()' },
    position: { type: 'bigint', nullable: true, transformer: { from: exactNumber, to: (value: number | null) => value } },
    positionedAt: { ...moment, name: 'positioned_at' },
  },
})
