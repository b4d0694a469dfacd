import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file as it was sent. Its name is used once, so it names the file. */
export interface SentFile {
  readonly name: string
  readonly userId: string
  readonly assetType: 'brand_image' | 'generated_video'
  readonly mediaType: string
  readonly sizeBytes: number
  readonly sha256: string
  /** `completed`, or the code under which it must be turned away. */
  readonly expected: string
  /** It may exceed what an inspector may use: then it ends as `file_too_complex`. */
  readonly expensive?: true
  /** The repeatable request that it belongs to. */
  readonly idempotencyKey: string | null
}

/** What somebody did with an upload or its asset. `aged`: its asset became old, unused; `used`: its owner got a URL after that. */
export type UploadEvent = 'cancel asked' | 'cancelled' | 'delete asked' | 'deleted' | 'aged' | 'use asked' | 'used'

/** What happened, in the order in which it was seen. */
export type HistoryEvent =
  | { readonly event: 'sent'; readonly file: SentFile }
  | { readonly event: 'rendered'; readonly key: string; readonly sha256: string }
  | { readonly event: 'acknowledged'; readonly uploadId: string; readonly name: string; readonly by: string }
  | { readonly event: 'refused'; readonly name: string; readonly code: string }
  | { readonly event: 'failed'; readonly what: string; readonly name?: string; readonly uploadId?: string; readonly why: string }
  | { readonly event: UploadEvent; readonly uploadId: string }
  | { readonly event: 'user deleted'; readonly userId: string; readonly at: Date }
  | { readonly event: 'ended'; readonly uploadId: string; readonly status: string; readonly assetId: string | null }
  | { readonly event: 'fault' | 'fault over' | 'moving'; readonly what: string }
  | { readonly event: 'limit reached'; readonly userId: string }
  | { readonly event: 'refused wrongly'; readonly name?: string; readonly why: string }

export type Entry = HistoryEvent & { readonly ms: number }

/**
 * All that the clients sent and were told, and all that went wrong. Each event is on disk before its teller goes on: what was acknowledged
 * stays so, even when we are killed.
 */
export class History {
  readonly #file: string
  readonly #begun = performance.now()
  readonly entries: Entry[] = []

  constructor(folder: string) {
    this.#file = join(folder, 'history.jsonl')
  }

  add(event: HistoryEvent): void {
    const entry = { ms: Math.round(performance.now() - this.#begun), ...event }
    appendFileSync(this.#file, `${JSON.stringify(entry)}\n`)
    this.entries.push(entry)
  }

  /** All events of one kind. */
  all<Name extends HistoryEvent['event']>(name: Name): Extract<Entry, { event: Name }>[] {
    return this.entries.filter((entry): entry is Extract<Entry, { event: Name }> => entry.event === name)
  }
}
