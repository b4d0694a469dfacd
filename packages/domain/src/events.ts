/** What the product around Airlock hears of: each type of event, and what has happened when one is written. */
export const events = {
  'upload.completed': 'the upload became an asset',
  'upload.rejected': 'inspection refused it, its owner cancelled it, or an operator gave it up',
  'upload.parked': 'attempts are used up by our fault; an operator decides, so another event of this upload follows',
  'asset.expiring': 'nobody uses the asset: it is deleted at `expiring_at`, unless somebody does until then',
  'asset.deleted': 'the asset is gone: deleted, expired, or with its user',
} as const satisfies Record<string, string>

export type EventType = keyof typeof events

export const eventTypes = Object.keys(events) as EventType[]

/** The events with which an upload ends. Each upload that was accepted gets exactly one of them. */
export const finalEventTypes = ['upload.completed', 'upload.rejected'] as const satisfies readonly EventType[]
