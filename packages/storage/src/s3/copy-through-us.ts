import { Readable } from 'node:stream'
import { CreateMultipartUploadCommand, type CreateMultipartUploadCommandOutput, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import type { CopyOptions, ObjectAddress } from '../object-store.ts'
import { withPartRetries } from './copy-in-parts.ts'
import { abortUpload } from './multipart-upload.ts'
import { rangedSource } from './ranged-source.ts'
import type { StoreDeps } from './store-deps.ts'
import type { WriteHeaders } from './write-headers.ts'

export interface StreamedCopy extends Pick<CopyOptions, 'ifEtag' | 'sizeBytes' | 'signal'> {
  from: ObjectAddress
  to: string
  written: WriteHeaders
}

/** The maximum of parts of one object in S3. */
const maxParts = 10_000

/**
 * Copies by reading and writing, for stores that can't copy. All reads are pinned, so that bytes of two objects can't be mixed.
 *
 * lib-storage's `Upload` writes the copy. Two of its properties need workarounds (found in 3.1164.0): `abort()` leaves its calls running, so it is
 * stopped by making its calls fail; and it doesn't abort its multipart upload when completing fails, so we do, whatever failed. A part that
 * takes too long is sent again before `Upload` sees the failure, so that the finished parts stay.
 *
 * @throws the first error of the source or of a call, after all calls have ended
 */
export async function copyThroughUs(deps: StoreDeps, copy: StreamedCopy): Promise<void> {
  const { to, sizeBytes, written } = copy
  const calls = new UploadCalls(deps, copy)
  const partSize = Math.max(deps.tuning.partBytes, Math.ceil(sizeBytes / maxParts))
  const upload = new Upload({
    client: calls.client,
    params: {
      Bucket: deps.options.bucket,
      Key: to,
      Body: Readable.from(rangesOf(deps, copy, partSize, calls.signal)),
      ContentLength: sizeBytes,
      ...written,
    },
    partSize,
    queueSize: deps.tuning.partsPerReceive,
    leavePartsOnError: true,
  })
  try {
    await upload.done()
  } catch (error) {
    // An object that may have landed stays: the store never deletes at a final key without proof.
    await calls.abortOrReport()
    throw error
  }
}

/** Yields the source in ranges. A range that takes too long is read again. */
async function* rangesOf(deps: StoreDeps, copy: StreamedCopy, rangeBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { from, ifEtag, sizeBytes } = copy
  const source = rangedSource(deps, from, { etag: ifEtag, sizeBytes }, signal)
  for (let start = 0; start < sizeBytes; start += rangeBytes) {
    const length = Math.min(rangeBytes, sizeBytes - start)
    yield await withPartRetries(deps, copy, signal, () => source.read(start, length))
  }
}

/** Completing and PutObject are sent here as well, although the type does not name them. */
type UploadCommand = CreateMultipartUploadCommand | UploadPartCommand

/** The calls of one `Upload`: bounded in time like all our calls, and aborted after the first failure. */
class UploadCalls {
  readonly #deps: StoreDeps
  readonly #copy: StreamedCopy
  readonly #stop = new AbortController()
  /** Aborts running calls: by the caller's signal, or after the first failure. */
  readonly signal: AbortSignal
  #uploadId: string | undefined

  constructor(deps: StoreDeps, copy: StreamedCopy) {
    const { signal } = copy
    this.#deps = deps
    this.#copy = copy
    this.signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal])
  }

  /** The client of the process, with its calls routed through this object. */
  get client(): S3Client {
    return Object.create(this.#deps.client, { send: { value: (command: UploadCommand) => this.#send(command) } })
  }

  async #send(command: UploadCommand): Promise<unknown> {
    try {
      if (command instanceof CreateMultipartUploadCommand) return await this.#begin(command)
      const send = () => this.#deps.call(command, { key: this.#copy.to, signal: this.signal })
      return await (command instanceof UploadPartCommand ? withPartRetries(this.#deps, this.#copy, this.signal, send) : send())
    } catch (error) {
      this.#stop.abort(error)
      throw error
    }
  }

  /** Can't be aborted: otherwise an upload with an unknown id might stay open. */
  async #begin(command: CreateMultipartUploadCommand): Promise<CreateMultipartUploadCommandOutput> {
    this.signal.throwIfAborted()
    const output = await this.#deps.call(command, { key: this.#copy.to })
    this.#uploadId = output.UploadId
    return output
  }

  /** Aborts the multipart upload, if there is one, and frees its parts. */
  async abortOrReport(): Promise<void> {
    if (this.#uploadId === undefined) return
    await abortUpload(this.#deps, this.#copy.to, this.#uploadId).catch((error) =>
      this.#deps.options.onLeftover?.({ key: this.#copy.to, error }),
    )
  }
}
