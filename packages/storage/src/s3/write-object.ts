import type { Readable } from 'node:stream'
import { ChunkReader, Semaphore } from '@airlock/async'
import type { CompletedPart } from '@aws-sdk/client-s3'
import { MultipartUpload } from './multipart-upload.ts'
import type { PartBuffer } from './part-buffers.ts'
import type { BytesToPut, PutAnswer } from './put-bytes.ts'
import type { StoreDeps } from './store-deps.ts'
import type { WriteHeaders } from './write-headers.ts'

export interface Written {
  etag: string
  sizeBytes: number
}

/** What a failed write may have left in the store. */
export interface Traces {
  /** The multipart upload, if one was created. */
  upload: MultipartUpload | null
  /** Whether other multipart uploads of the key may be open. */
  moreUploads: boolean
  /** Whether the object itself may exist, now or a little later. */
  object: boolean
}

/**
 * Writes a stream of unknown length to a key: in one PutObject when it ends within the first part, otherwise as a multipart upload.
 *
 * Memory holds the part that is being filled and those that are being sent, whose number is bounded for this write and for all writes together.
 * When many are being sent, the next one waits a little for the memory of one that has arrived: with a fast store that is soon, and the bytes stay
 * in the processor's cache.
 * Bodies are whole buffers, not streams, so that their length and checksum are known, they can be sent again, and the object gets no
 * `Content-Encoding: aws-chunked`.
 */
export class ObjectWrite {
  readonly traces: Traces = { upload: null, moreUploads: false, object: false }
  sizeBytes = 0

  readonly #deps: StoreDeps
  readonly #key: string
  readonly #headers: WriteHeaders
  readonly #onArrived: (() => void) | undefined
  /** Aborts all calls; its reason is the error that the caller gets. */
  readonly #stop = new AbortController()
  readonly #ownParts: Semaphore
  readonly #sending = new Set<Promise<void>>()
  #begun: Promise<MultipartUpload> | null = null
  #partNumber = 0

  /** @param onArrived called for each part that the store has received */
  constructor(deps: StoreDeps, key: string, headers: WriteHeaders, onArrived?: (() => void) | undefined) {
    this.#deps = deps
    this.#key = key
    this.#headers = headers
    this.#onArrived = onArrived
    this.#ownParts = new Semaphore(deps.tuning.partsPerReceive)
  }

  /** Reads the stream to its end and writes it. Rejects with the first error, after all calls have ended. */
  async run(bytes: Readable, signal: AbortSignal | undefined): Promise<Written> {
    const stop = () => this.#stop.abort(signal?.reason)
    // Otherwise a stream that waits for a slow client would not end when the store fails.
    this.#stop.signal.addEventListener('abort', () => bytes.destroy(asError(this.#stop.signal.reason)), { once: true })
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted) stop()
    try {
      const last = await this.#sendAllButLast(bytes)
      return { etag: this.#begun === null ? await this.#putWhole(last) : await this.#complete(last), sizeBytes: this.sizeBytes }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#stop.abort(error)
      await Promise.allSettled(this.#sending)
      throw this.#stop.signal.reason
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async #sendAllButLast(bytes: Readable): Promise<PartBuffer> {
    let part = this.#deps.buffers.first()
    const chunks = new ChunkReader(bytes)
    for (;;) {
      const next = chunks.next()
      const chunk = next instanceof Promise ? await next : next
      if (chunk === null) return part
      for (let taken = 0; taken < chunk.byteLength; ) {
        if (part.isFull) {
          await this.#send(part)
          part = await this.#nextPart()
        }
        taken += part.fill(chunk, taken)
      }
      this.sizeBytes += chunk.byteLength
    }
  }

  /** While no more parts are being sent than one write may send, it does not wait for memory: a single upload is as fast as without others. */
  #nextPart(): PartBuffer | Promise<PartBuffer> {
    const { buffers, partsInFlight, tuning } = this.#deps
    return partsInFlight.taken < tuning.partsPerReceive ? buffers.next() : buffers.nextReturned()
  }

  /** Waits until sending the part may start, not until it has arrived. */
  async #send(part: PartBuffer): Promise<void> {
    const { signal } = this.#stop
    const doneWithOwn = await this.#ownParts.take(signal)
    const doneWithShared = await this.#deps.partsInFlight.take(signal)
    const sending = this.#uploadPart(part, ++this.#partNumber)
      .catch((error) => this.#stop.abort(error))
      .finally(() => {
        this.#sending.delete(sending)
        doneWithShared()
        doneWithOwn()
      })
    this.#sending.add(sending)
    signal.throwIfAborted()
  }

  async #uploadPart(part: PartBuffer, number: number): Promise<void> {
    this.#begun ??= this.#begin()
    const upload = await this.#begun
    const { etag, crc32, atOnce } = await this.#put(part, { part: { uploadId: upload.id, number } })
    upload.add(completedPart(number, etag, crc32))
    this.#onArrived?.()
    if (atOnce) this.#deps.buffers.giveBack(part)
  }

  async #begin(): Promise<MultipartUpload> {
    this.traces.moreUploads = true
    const upload = await MultipartUpload.begin(this.#deps, this.#key, { headers: this.#headers, checksummed: true })
    this.traces.upload = upload
    this.traces.moreUploads = upload.begunTwice
    return upload
  }

  async #complete(last: PartBuffer): Promise<string> {
    await this.#send(last)
    await Promise.all(this.#sending)
    this.#stop.signal.throwIfAborted()
    const upload = await (this.#begun as Promise<MultipartUpload>)
    this.traces.object = true
    return upload.complete(this.#stop.signal)
  }

  async #putWhole(whole: PartBuffer): Promise<string> {
    this.#stop.signal.throwIfAborted()
    this.traces.object = true
    const { etag, atOnce } = await this.#put(whole, { headers: this.#headers })
    if (atOnce) this.#deps.buffers.giveBack(whole)
    return etag ?? ''
  }

  #put({ bytes, crc32 }: PartBuffer, of: Pick<BytesToPut, 'part' | 'headers'>): Promise<PutAnswer> {
    const checksum = this.#deps.options.checksums === 'when_supported' ? { crc32 } : {}
    return this.#deps.put({ key: this.#key, bytes, ...checksum, ...of }, this.#stop.signal)
  }
}

/** A part in the form that CompleteMultipartUpload requires. */
export const completedPart = (number: number, etag: string | undefined, crc32: string | undefined): CompletedPart => ({
  PartNumber: number,
  ...(etag !== undefined && { ETag: etag }),
  ...(crc32 !== undefined && { ChecksumCRC32: crc32 }),
})

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))
