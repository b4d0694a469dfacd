import type { EventRecord } from '@airlock/database'

/**
 * An event as endpoints get it: the same bytes at each attempt. The keys are those of the Standard Webhooks specification; what follows
 * `data` belongs to the event (docs/events.md).
 */
export const messageOf = ({ id, type, uploadId, sequence, userId, payload, createdAt }: EventRecord): string =>
  JSON.stringify({
    type,
    timestamp: createdAt.toISOString(),
    data: { event_id: id, upload_id: uploadId, sequence, user_id: userId, ...payload },
  })
