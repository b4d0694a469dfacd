import type { EventType } from '@airlock/domain'

/** What an event tells beside whose it is; what it holds depends on its type (docs/events.md). */
export type EventPayload = Readonly<Record<string, unknown>>

/** Something that happened to an upload or its asset, as it is told to others. */
export interface EventRecord {
  /** The same however often it is delivered. */
  readonly id: string
  readonly type: EventType
  readonly uploadId: string
  /** Counts the events of one upload, from 1, without a gap. */
  readonly sequence: number
  readonly userId: string
  readonly payload: EventPayload
  readonly createdAt: Date
  /** Its place in the order of all events; null until a relay has given it one. */
  readonly position: number | null
}
