import type { Refusal } from '@airlock/domain'
import type { UploadRow } from '../entities/upload.ts'

/** An object in another bucket than ours: Airlock reads it, and never writes or removes it. */
export interface Source {
  readonly bucket: string
  readonly key: string
}

type Columns = 'errorCode' | 'errorTitle' | 'errorDetail' | 'sourceBucket' | 'sourceKey'

/** An upload: its row, with the columns of its refusal and of its source as one value each. */
export interface UploadRecord extends Omit<UploadRow, Columns> {
  /** The reason for its owner, in `rejected`, `abandoned` and `parked`. */
  readonly refusal: Refusal | null
  /** The object with the bytes, when they are not under the quarantine key. */
  readonly source: Source | null
}

/** The values that are null before acceptance, and never afterwards. */
const known = ['assetType', 'detectedType', 'finalKey', 'sizeBytes', 'etag', 'receivedAt'] as const
type Known = (typeof known)[number]

/** Some values of an accepted upload. */
export type Accepted<T extends keyof UploadRecord> = { readonly [K in T]: K extends Known ? NonNullable<UploadRecord[K]> : UploadRecord[K] }

/** The database's checks guarantee it for every state but `receiving` and `abandoned`. */
export const isAccepted = (upload: UploadRecord): upload is UploadRecord & Accepted<Known> => known.every((name) => upload[name] !== null)

export function asRecord(row: UploadRow): UploadRecord {
  const { errorCode: code, errorTitle: error, errorDetail: detail, sourceBucket: bucket, sourceKey: key, ...rest } = row
  return {
    ...rest,
    source: bucket === null || key === null ? null : { bucket, key },
    refusal: code === null || error === null || detail === null ? null : { code, error, detail },
  }
}

/**
 * A text of a client or another program in a form that the database accepts: without NUL, which Postgres refuses, and truncated to the column.
 *
 * @param maxCharacters code points, as Postgres counts them
 */
export function storableText(text: string, maxCharacters: number): string {
  const clean = text.toWellFormed().replaceAll('\0', '\u{fffd}')
  return clean.length <= maxCharacters ? clean : [...clean].slice(0, maxCharacters).join('')
}
