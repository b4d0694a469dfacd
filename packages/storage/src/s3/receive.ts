import type { Readable } from 'node:stream'
import type { ReceiveOptions } from '../object-store.ts'
import { StoreUnavailable } from '../store-errors.ts'
import { boundedCalls } from './calls.ts'
import { abandonReceives, abortUpload } from './multipart-upload.ts'
import { head, purge } from './objects.ts'
import type { StoreDeps } from './store-deps.ts'
import { writeHeaders } from './write-headers.ts'
import { ObjectWrite, type Traces, type Written } from './write-object.ts'

/** The type of quarantined objects: they have not been inspected. */
const unknownType = 'application/octet-stream'

/** The time limit of each call after a failed write, in ms: a client waits, and the sweeper cleans up as well. */
const cleanupMs = 5000

/** See `ObjectStore.receive`. */
export async function receive(deps: StoreDeps, key: string, bytes: Readable, options: ReceiveOptions): Promise<Written> {
  const { nonce, signal, onArrived } = options
  const write = new ObjectWrite(deps, key, writeHeaders(deps.options, { contentType: unknownType, metadata: { nonce } }), onArrived)
  try {
    const written = await write.run(bytes, signal)
    if (write.traces.moreUploads) await tidy(deps, key, { upload: null, moreUploads: true, object: false })
    return written
  } catch (error) {
    const cleanup = { ...deps, call: boundedCalls(deps.client, Math.min(cleanupMs, deps.options.callTimeoutMs)) }
    const landed = await whatLanded(cleanup, key, error, { nonce, write })
    if (landed !== null) return landed
    await tidy(cleanup, key, write.traces)
    throw error
  }
}

/** If the store's answer was lost, the object may have been written nevertheless. */
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

/** Removes what a failed write may have left. Failures to remove are only reported, so that the caller gets the error of the write. */
async function tidy(deps: StoreDeps, key: string, { upload, moreUploads, object }: Traces): Promise<void> {
  try {
    if (upload !== null) await abortUpload(deps, key, upload.id)
    if (moreUploads) await abandonReceives(deps, key)
    if (object) await purge(deps, key)
  } catch (error) {
    deps.options.onLeftover?.({ key, error })
  }
}
