import { EntitySchema } from 'typeorm'
import { exactNumber, moment, momentOfInsert } from './columns.ts'

/** `pending` waits for an attempt or is in one; `dead` has been given up. */
export type DeliveryState = 'pending' | 'delivered' | 'dead'

/** The row of the delivery of one event to one endpoint. */
export interface DeliveryRow {
  readonly eventId: string
  /** The name of the endpoint, derived from its URL. */
  readonly endpoint: string
  readonly uploadId: string
  readonly position: number
  readonly state: DeliveryState
  /** Attempts so far; it fences the writes of failed attempts. */
  readonly attempts: number
  readonly nextAttemptAt: Date
  /** When the first attempt failed. */
  readonly failingSince: Date | null
  readonly lastError: string | null
  readonly createdAt: Date
  readonly endedAt: Date | null
}

export const WebhookDelivery = new EntitySchema<DeliveryRow>({
  name: 'WebhookDelivery',
  tableName: 'webhook_deliveries',
  columns: {
    eventId: { name: 'event_id', type: 'uuid', primary: true },
    endpoint: { type: 'text', primary: true },
    uploadId: { name: 'upload_id', type: 'uuid' },
    position: { type: 'bigint', transformer: { from: exactNumber, to: (value: number) => value } },
    state: { type: 'text', default: () => "'pending'::text" },
    attempts: { type: 'integer', default: 0 },
    nextAttemptAt: { ...momentOfInsert, name: 'next_attempt_at' },
    failingSince: { ...moment, name: 'failing_since' },
    lastError: { name: 'last_error', type: 'text', nullable: true },
    createdAt: { ...momentOfInsert, name: 'created_at' },
    endedAt: { ...moment, name: 'ended_at' },
  },
})
