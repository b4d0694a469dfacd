import { AirlockError } from './error.ts'
import type { Send } from './http.ts'

/** A file of the caller, of which any range can be read again. */
export interface Source {
  readonly name: string
  readonly size: number
  /** Media type, or an empty text. */
  readonly type: string
  /** In ms since 1970, 0 if unknown. */
  readonly lastModified: number
  slice(from: number, to: number): Promise<Blob>
  /** The whole file, if it is a Blob. */
  readonly blob?: Blob
  close(): Promise<void>
}

/** An open upload, as a later run can continue it. Its capability permits nothing but this upload. */
export interface OpenUpload {
  readonly id: string
  readonly capability: string
  readonly partBytes: number
}

/** Keeps open uploads, so that they can be continued after a reload or a restart. */
export interface Memory {
  get(key: string): Promise<OpenUpload | null>
  set(key: string, upload: OpenUpload | null): Promise<void>
}

/** What differs between browsers and Node. */
export interface Platform {
  /** Sends a request in place of `fetch`, and reports how much of the body is sent. */
  readonly send?: Send | undefined
  /** Opens a file by its path. @throws Error if there is none */
  openPath(path: string): Promise<Source>
  /** Absent: nothing is kept. */
  readonly memory?: Memory | undefined
  /** SHA-256 in hexadecimal, computed while the file is sent. */
  hash(source: Source, signal: AbortSignal): Promise<string>
}

/** @throws TypeError if a name is missing */
export function sourceOf(blob: Blob, filename: string | undefined): Source {
  const { name = filename, lastModified = 0 } = blob as Partial<File>
  if (!name) throw new TypeError('A Blob has no name: give it one, as in upload(blob, { filename: "picture.png", … })')
  return {
    name: filename ?? name,
    size: blob.size,
    type: blob.type,
    lastModified,
    blob,
    slice: async (from, to) => blob.slice(from, to),
    close: async () => {},
  }
}

export const unreadable = (name: string, cause: unknown): AirlockError =>
  new AirlockError({ code: 'file_unreadable', detail: `File '${name}' can't be read: ${(cause as Error).message}`, cause })

/**
 * Explains an error of a request that sends a file: `fetch` reports a file that can't be read as a failed connection.
 *
 * @throws AirlockError `file_unreadable`, or the given error
 */
export async function explained(error: unknown, source: Source): Promise<never> {
  if ((error as AirlockError).code !== 'network_error') throw error
  const first = async () => (await source.slice(0, Math.min(1, source.size))).arrayBuffer()
  await first().catch((cause) => {
    throw unreadable(source.name, cause)
  })
  throw error
}
