import { setTimeout as sleep } from 'node:timers/promises'
import type { ByteSource } from '@airlock/domain'
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3'
import type { ObjectAddress } from '../object-store.ts'
import { ObjectChanged, StoreFailure, StoreUnavailable } from '../store-errors.ts'
import { confirmed } from './confirm.ts'
import { placeOf, type S3Place } from './place.ts'
import type { StoreDeps } from './store-deps.ts'

interface Pinned {
  etag: string
  sizeBytes: number
}

/** Times that a range is asked for again when its body broke off, or its 404 or 412 was wrong; everything else the SDK tries again itself. */
const rangeRetries = 3

/**
 * See `ObjectStore.source`. Reading from first to last goes in ranges as well, the next one being fetched while one is used:
 * a consumer that takes its time holds no connection open.
 */
export function rangedSource(deps: StoreDeps, object: ObjectAddress, pinned: Pinned, signal?: AbortSignal): ByteSource {
  const place = placeOf(deps.options.bucket, object)
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    if (!isCount(offset) || !isCount(length)) throw new RangeError(`Can't read ${length} bytes from ${offset}`)
    const end = Math.min(pinned.sizeBytes, offset + length)
    return offset >= end ? new Uint8Array() : readRange(deps, place, pinned, { start: offset, end, signal })
  }
  return {
    size: pinned.sizeBytes,
    read,
    stream: async function* () {
      const step = deps.tuning.readAheadBytes
      let next = read(0, step)
      for (let offset = 0; offset < pinned.sizeBytes; offset += step) {
        const bytes = await next
        next = read(offset + step, step)
        // Its error is met when its turn comes, or never, when the consumer stops before.
        next.catch(() => {})
        yield bytes
      }
    },
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

interface Range {
  start: number
  /** The first byte that is not wanted. */
  end: number
  signal: AbortSignal | undefined
}

async function readRange(deps: StoreDeps, place: S3Place, pinned: Pinned, range: Range): Promise<Uint8Array> {
  for (let retry = 0; ; retry++) {
    let bodyBegun = false
    const command = new GetObjectCommand({
      ...place,
      IfMatch: pinned.etag,
      Range: `bytes=${range.start}-${range.end - 1}`,
    })
    try {
      return await deps.call(command, {
        key: place.Key,
        signal: range.signal,
        reads: (output: GetObjectCommandOutput) => {
          bodyBegun = true
          return readBody(place.Key, output, pinned, range)
        },
      })
    } catch (error) {
      const reason = await confirmed(deps, error, { object: { bucket: place.Bucket, key: place.Key }, ...pinned, signal: range.signal })
      const mayGoBetter = reason instanceof StoreUnavailable && (bodyBegun || reason !== error)
      if (!mayGoBetter || retry === rangeRetries) throw reason
      await sleep(Math.random() * 100 * 2 ** retry, undefined, { signal: range.signal })
    }
  }
}

async function readBody(key: string, output: GetObjectCommandOutput, pinned: Pinned, { start, end }: Range): Promise<Uint8Array> {
  const body = output.Body as AsyncIterable<Uint8Array> & { destroy(): void }
  try {
    mustBePinned(key, output, pinned, { start, end })
    const bytes = Buffer.allocUnsafeSlow(end - start)
    let filled = 0
    for await (const chunk of body) {
      if (filled + chunk.byteLength > bytes.byteLength) throw tooManyBytes(key)
      bytes.set(chunk, filled)
      filled += chunk.byteLength
    }
    if (filled < bytes.byteLength) throw new StoreUnavailable(`GetObject: ${filled} bytes of ${bytes.byteLength}`, key)
    return bytes
  } finally {
    body.destroy()
  }
}

/** Looks at the answer too, since there are stores that don't know `If-Match` or `Range`. */
function mustBePinned(
  key: string,
  { ETag, ContentRange, ContentLength }: GetObjectCommandOutput,
  pinned: Pinned,
  { start, end }: Omit<Range, 'signal'>,
): void {
  const total = Number(ContentRange?.split('/').at(-1))
  if (ETag !== pinned.etag || (ContentRange !== undefined && total !== pinned.sizeBytes)) {
    throw new ObjectChanged(`GetObject: ${ETag} of ${total} bytes, not ${pinned.etag} of ${pinned.sizeBytes}`, key)
  }
  if (ContentLength !== undefined && ContentLength > end - start) throw tooManyBytes(key)
}

const tooManyBytes = (key: string): StoreFailure =>
  new StoreFailure('GetObject: more bytes than the range that was asked for', key, { code: 'RangeIgnored', status: null })
