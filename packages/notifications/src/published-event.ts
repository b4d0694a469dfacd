import type { EventRecord } from '@airlock/database'
import type { EventType } from '@airlock/domain'

/**
 * An event in the form that the feed and webhooks publish. The keys are those of the Standard Webhooks specification; the contents of `data`
 * depend on the type (docs/events.md).
 */
export interface PublishedEvent {
  readonly type: EventType
  readonly timestamp: string
  readonly data: { readonly event_id: string; readonly upload_id: string; readonly sequence: number; readonly user_id: string }
}

export const publishedEvent = ({ id, type, uploadId, sequence, userId, payload, createdAt }: EventRecord): PublishedEvent => ({
  type,
  timestamp: createdAt.toISOString(),
  data: { event_id: id, upload_id: uploadId, sequence, user_id: userId, ...payload },
})

/** The body of an event's webhook: the same bytes in each attempt. */
export const messageOf = (event: EventRecord): string => JSON.stringify(publishedEvent(event))
