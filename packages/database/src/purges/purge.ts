/** An object that must go. */
export interface Purge {
  readonly key: string
  /** Stands in the object's metadata too. */
  readonly uploadId: string
  readonly requestedAt: Date
  /** When the object was deleted for the first time; null before. */
  readonly firstDoneAt: Date | null
}
