import type { UploadRecord } from '@airlock/database'
import { isFinal } from '@airlock/domain'
import type { SweepOptions } from './sweep-options.ts'

/** The maximum of ids in one query for the uploads of objects. */
export const idsAtOnce = 100

/** The settings that decide from what age on something is reclaimable. */
export type Ages = Pick<SweepOptions, 'callSeconds' | 'receivingForSeconds' | 'clockAheadMs'>

/**
 * Whether an object that was written at `writtenAt` under an upload's quarantine key is no longer needed. The row must have been read after the
 * object was listed.
 *
 * A row is written before the first byte and a final row never changes, so the answer stays true. The age is not needed for that: it leaves time
 * for the regular clean-up. Without a row, only the parts of an uncompleted multipart upload may be removed, which was never accepted.
 */
export function isReclaimable(
  upload: UploadRecord | undefined,
  writtenAt: Date,
  { callSeconds, receivingForSeconds, clockAheadMs }: Ages,
): boolean {
  if (upload !== undefined) return isFinal(upload.state) && isOlder(writtenAt, callSeconds, clockAheadMs)
  return isOlder(writtenAt, receivingForSeconds + callSeconds, clockAheadMs)
}

/** @param clockAheadMs how far the reference clock is ahead of ours */
export const isOlder = (at: Date, seconds: number, clockAheadMs = 0): boolean => Date.now() + clockAheadMs - at.getTime() >= seconds * 1000

/** Splits a list into pieces of at most `size`. */
export function* pieces<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size)
}
