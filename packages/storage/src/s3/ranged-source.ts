import { backoffMs, sleep } from '@airlock/async'
import { type ByteSource, KiB } from '@airlock/domain'
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3'
import type { ObjectAddress } from '../object-store.ts'
import { ObjectChanged, StoreFailure, StoreUnavailable } from '../store-errors.ts'
import { confirmed, type S3Address, s3AddressOf } from './objects.ts'
import type { StoreDeps } from './store-deps.ts'

interface Pinned {
  etag: string
  sizeBytes: number
}

/** How often a range is retried when its body was truncated, or its 404 or 412 was wrong; the SDK retries other failures. */
const rangeRetries = 3

const rangeBackoff = { firstMs: 100, maxMs: 400, jitter: 1 } as const

/** The size of the first request for an object that is larger than one read: the headers of all formats are in these bytes. */
const headBytes = 64 * KiB

/**
 * See `ObjectStore.source`. Streaming reads ranges as well, and prefetches the next one: a slow consumer does not keep a connection
 * open.
 *
 * The first bytes are requested once and kept with the source, since several readers start with them: the whole object if it fits one read
 * (`readAheadBytes`), otherwise 64 KiB.
 */
export function rangedSource(deps: StoreDeps, object: ObjectAddress, pinned: Pinned, signal?: AbortSignal): ByteSource {
  const address = s3AddressOf(deps.options.bucket, object)
  const keptBytes = pinned.sizeBytes <= deps.tuning.readAheadBytes ? pinned.sizeBytes : headBytes
  let kept: Promise<Uint8Array> | null = null
  /** A failed request is not kept: the next reader repeats it. */
  const firstBytes = (): Promise<Uint8Array> => {
    kept ??= readRange(deps, address, pinned, { start: 0, end: keptBytes, signal }).catch((error: unknown) => {
      kept = null
      throw error
    })
    return kept
  }
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    if (!isCount(offset) || !isCount(length)) throw new RangeError(`Can't read ${length} bytes from ${offset}`)
    const end = Math.min(pinned.sizeBytes, offset + length)
    if (offset >= end) return new Uint8Array()
    if (end <= keptBytes) return (await firstBytes()).subarray(offset, end)
    return readRange(deps, address, pinned, { start: offset, end, signal })
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
        // An error is thrown when the range is needed, or ignored if the consumer stops earlier.
        next.catch(() => {})
        yield bytes
      }
    },
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

interface Range {
  start: number
  /** Exclusive. */
  end: number
  signal: AbortSignal | undefined
}

async function readRange(deps: StoreDeps, address: S3Address, pinned: Pinned, range: Range): Promise<Uint8Array> {
  for (let retry = 0; ; retry++) {
    let bodyBegun = false
    const command = new GetObjectCommand({
      ...address,
      IfMatch: pinned.etag,
      Range: `bytes=${range.start}-${range.end - 1}`,
    })
    try {
      return await deps.call(command, {
        key: address.Key,
        signal: range.signal,
        reads: (output: GetObjectCommandOutput) => {
          bodyBegun = true
          return readBody(address.Key, output, pinned, range)
        },
      })
    } catch (error) {
      const reason = await confirmed(deps, error, { object: { bucket: address.Bucket, key: address.Key }, ...pinned, signal: range.signal })
      const isTemporary = reason instanceof StoreUnavailable && (bodyBegun || reason !== error)
      if (!isTemporary || retry === rangeRetries) throw reason
      await sleep(backoffMs(retry + 1, rangeBackoff), range.signal) // after an abort the next call throws
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

/** Checks the response as well, because some stores don't support `If-Match` or `Range`. */
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
  new StoreFailure('GetObject: more bytes than the requested range', key, { code: 'RangeIgnored', status: null })
