import type { Readable } from 'node:stream'
import type { AssetType } from '@airlock/domain'
import type { Tally } from './tally.ts'

/** A file as a door hands it in. Its name and type are what the client says; nothing of it is believed. */
export interface IncomingFile {
  /** From `parseFilename`. */
  filename: string
  /** From `normalizedType`. */
  declaredType: string
  /** Null while the form has not yet said it. */
  assetType: AssetType | null
  /** The SHA-256 that the client announced (RFC 9530), 64 hexadecimal digits. */
  expectedHash?: string | null
  bytes: Readable
  /** Counts and hashes what is read of the bytes, also of a file that is refused. */
  tally?: Tally
}
