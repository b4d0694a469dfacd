import type { UploadRecord } from '@airlock/database'
import { isFinal } from '@airlock/domain'
import type { SweepOptions } from './sweep-options.ts'

/** What lies in quarantine is never asked for in a batch larger than this. */
export const idsAtOnce = 100

/** From what age on something may be over. */
export type Ages = Pick<SweepOptions, 'callSeconds' | 'receivingForSeconds' | 'clockAheadMs'>

/**
 * Whether nobody needs any more what was written at `writtenAt` under an upload's own quarantine key. Its row must have been read after the
 * object was seen.
 *
 * A row comes before its first byte and a final row never changes, so both answers stay true. The age is not what makes them true: it leaves
 * the ordinary clean-up its time. Without a row only what was never whole may go: parts of an upload, which nobody has accepted.
 */
export function isReclaimable(
  upload: UploadRecord | undefined,
  writtenAt: Date,
  { callSeconds, receivingForSeconds, clockAheadMs }: Ages,
): boolean {
  if (upload !== undefined) return isFinal(upload.state) && isOlder(writtenAt, callSeconds, clockAheadMs)
  return isOlder(writtenAt, receivingForSeconds + callSeconds, clockAheadMs)
}

/** @param clockAheadMs how much the clock to go by is ahead of ours */
export const isOlder = (at: Date, seconds: number, clockAheadMs = 0): boolean => Date.now() + clockAheadMs - at.getTime() >= seconds * 1000

/** A list in pieces of at most `size`. */
export function* pieces<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size)
}
