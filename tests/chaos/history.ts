import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileToSend } from './files.ts'

/** A file that was sent. Its name is unique and identifies it. */
export interface SentFile {
  readonly name: string
  readonly userId: string
  readonly assetType: 'brand_image' | 'generated_video'
  readonly mediaType: string
  readonly sizeBytes: number
  readonly sha256: string
  /** `completed`, or the code with which it must be refused or rejected. */
  readonly expected: string
  /** Whether it may exceed the limits of inspection, and end as `file_too_complex`. */
  readonly expensive?: true
}

/** What was done with an upload or its asset. `aged`: its asset became old without use; `use asked`: its owner requested a URL, at any time;
 * `use done`: its owner got a URL after it became old. */
export type UploadEvent = 'aged' | `${'cancel' | 'delete' | 'use'} ${'asked' | 'done'}`

/** The events of a run in the order in which they were observed. */
export type HistoryEvent =
  | { readonly event: 'sent'; readonly file: SentFile }
  | { readonly event: 'rendered'; readonly key: string; readonly sha256: string }
  | { readonly event: 'acknowledged'; readonly uploadId: string; readonly name: string; readonly by: string }
  | { readonly event: 'refused'; readonly name: string; readonly code: string }
  | { readonly event: 'failed'; readonly what: string; readonly name?: string; readonly uploadId?: string; readonly why: string }
  | { readonly event: UploadEvent; readonly uploadId: string }
  | { readonly event: 'user deleted'; readonly userId: string; readonly at: Date }
  | { readonly event: 'ended'; readonly uploadId: string; readonly status: string; readonly assetId: string | null }
  | { readonly event: 'fault' | 'fault over' | 'unfinished'; readonly what: string }
  | { readonly event: 'limit reached'; readonly userId: string }
  | { readonly event: 'refused wrongly'; readonly name?: string; readonly why: string }

export type Entry = HistoryEvent & { readonly ms: number }

/**
 * Everything that clients sent and received, and all faults. Each event is on disk before its recorder continues, so that acknowledgements survive a
 * kill of this process.
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

  addSent({ bytes: _, ...file }: FileToSend, userId: string): void {
    this.add({ event: 'sent', file: { ...file, userId } })
  }

  /** All events of one kind. */
  all<Name extends HistoryEvent['event']>(name: Name): Extract<Entry, { event: Name }>[] {
    return this.entries.filter((entry): entry is Extract<Entry, { event: Name }> => entry.event === name)
  }
}
