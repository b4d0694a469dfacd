import type { Readable } from 'node:stream'
import type { AssetType } from '@airlock/domain'
import type { Tally } from './tally.ts'

/** A file as a door receives it. Its name and type are claims of the client and not trusted. */
export interface IncomingFile {
  /** From `parseFilename`. */
  filename: string
  /** From `normalizedType`. */
  declaredType: string
  /** Null until the form's field has arrived. */
  assetType: AssetType | null
  /** The SHA-256 that the client declared (RFC 9530), 64 hexadecimal digits. */
  expectedHash?: string | null
  bytes: Readable
  /** Counts and hashes the bytes that are read, also those of a refused file. */
  tally?: Tally
}
