import type { EventType } from '@airlock/domain'

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
