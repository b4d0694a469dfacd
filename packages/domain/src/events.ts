/** The events that Airlock publishes: each type, and what has happened when one is written. */
export const events = {
  'upload.completed': 'the upload became an asset',
  'upload.rejected':
    'inspection rejected the upload, its owner or an operator cancelled it, or an operator released it after it was parked',
  'upload.parked': 'the attempts are exhausted through a fault of ours; an operator decides, so another event of this upload follows',
  'asset.expiring': 'the asset is unused: it is deleted at `expiring_at`, unless it is used before then',
  'asset.deleted': 'the asset no longer exists: it was deleted, has expired, or its user was deleted',
} as const satisfies Record<string, string>

export type EventType = keyof typeof events

export const eventTypes = Object.keys(events) as EventType[]

/** The final events of an upload. Each accepted upload gets exactly one of them. */
export const finalEventTypes = ['upload.completed', 'upload.rejected'] as const satisfies readonly EventType[]
