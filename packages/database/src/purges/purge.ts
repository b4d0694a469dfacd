/** An object that must be removed. */
export interface DuePurge {
  readonly key: string
  /** The object's metadata names it as well. */
  readonly uploadId: string
  readonly requestedAt: Date
  /** When the object was removed for the first time; null until then. */
  readonly firstDoneAt: Date | null
}
