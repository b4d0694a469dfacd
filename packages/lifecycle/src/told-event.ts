import type { EventRecord } from '@airlock/database'
import type { EventType } from '@airlock/domain'

/**
 * An event as others get it, by the feed and by webhooks alike. The keys are those of the Standard Webhooks specification; what stands in
 * `data` belongs to the type (docs/events.md).
 */
export interface ToldEvent {
  readonly type: EventType
  readonly timestamp: string
  readonly data: { readonly event_id: string; readonly upload_id: string; readonly sequence: number; readonly user_id: string }
}

export const toldEvent = ({ id, type, uploadId, sequence, userId, payload, createdAt }: EventRecord): ToldEvent => ({
  type,
  timestamp: createdAt.toISOString(),
  data: { event_id: id, upload_id: uploadId, sequence, user_id: userId, ...payload },
})
