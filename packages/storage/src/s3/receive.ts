import type { Readable } from 'node:stream'
import type { ReceiveOptions } from '../object-store.ts'
import { StoreUnavailable } from '../store-errors.ts'
import { abandonReceives } from './abandon.ts'
import { boundedCalls } from './calls.ts'
import { abortUpload } from './multipart-upload.ts'
import { head, purge } from './objects.ts'
import type { StoreDeps } from './store-deps.ts'
import { writeHeaders } from './write-headers.ts'
import { ObjectWrite, type Traces, type Written } from './write-object.ts'

/** Under quarantine nobody has looked at the bytes yet, so nothing is said about them. */
const unknownType = 'application/octet-stream'

/** How long each call takes at most that comes after a write has failed, in ms: somebody waits, and the sweeper cleans as well. */
const afterwardsMs = 5000

/** See `ObjectStore.receive`. */
export async function receive(deps: StoreDeps, key: string, bytes: Readable, options: ReceiveOptions): Promise<Written> {
  const { nonce, signal, onArrived } = options
  const write = new ObjectWrite(deps, key, writeHeaders(deps.options, { contentType: unknownType, metadata: { nonce } }), onArrived)
  try {
    const written = await write.run(bytes, signal)
    if (write.traces.moreUploads) await tidy(deps, key, { upload: null, moreUploads: true, object: false })
    return written
  } catch (error) {
    const impatient = { ...deps, call: boundedCalls(deps.client, Math.min(afterwardsMs, deps.options.callTimeoutMs)) }
    const landed = await whatLanded(impatient, key, error, { nonce, write })
    if (landed !== null) return landed
    await tidy(impatient, key, write.traces)
    throw error
  }
}

/** A store whose answer got lost may have done what it was asked for. */
async function whatLanded(
  deps: StoreDeps,
  key: string,
  error: unknown,
  { nonce, write }: { nonce: string; write: ObjectWrite },
): Promise<Written | null> {
  if (!(error instanceof StoreUnavailable) || !write.traces.object) return null
  const found = await head(deps, key).catch(() => null)
  if (found === null || found.sizeBytes !== write.sizeBytes || found.metadata.nonce !== nonce) return null
  return { etag: found.etag, sizeBytes: found.sizeBytes }
}

/** Removes what a failed write may have left. What can't be removed now is reported: the error of the write is the one that counts. */
async function tidy(deps: StoreDeps, key: string, { upload, moreUploads, object }: Traces): Promise<void> {
  try {
    if (upload !== null) await abortUpload(deps, key, upload.id)
    if (moreUploads) await abandonReceives(deps, key)
    if (object) await purge(deps, key)
  } catch (error) {
    deps.options.onLeftover?.({ key, error })
  }
}
