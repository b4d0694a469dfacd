import type { EventType } from '@airlock/domain'
import { EntitySchema } from 'typeorm'
import { exactNumber, moment } from './columns.ts'

/** The data of an event, which depends on its type (docs/events.md). */
export type EventPayload = Readonly<Record<string, unknown>>

/** An event of an upload or its asset. */
export interface EventRecord {
  /** The same in all deliveries. */
  readonly id: string
  readonly type: EventType
  readonly uploadId: string
  /** Counts the events of one upload, from 1, without gaps. */
  readonly sequence: number
  readonly userId: string
  readonly payload: EventPayload
  readonly createdAt: Date
  /** Its position in the order of all events; null until a relay has assigned one. */
  readonly position: number | null
}

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
