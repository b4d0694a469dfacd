import { Semaphore } from '@airlock/async'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import type { ObjectStore } from '../object-store.ts'
import { AdaptivePermits } from './adaptive-permits.ts'
import { boundedCalls, makeCheckClient, makeClient, makePresigner, tracedCalls } from './calls.ts'
import { arrivedParts, beginParts, completeParts } from './client-parts.ts'
import { CopyAnswers } from './copy-answers.ts'
import { copyToFinal } from './copy-to-final.ts'
import { abandonReceives, openReceives } from './multipart-upload.ts'
import { head, list, ping, purge } from './objects.ts'
import { PartBuffers } from './part-buffers.ts'
import { presigning } from './presign.ts'
import { bySdk, puttingBytes } from './put-bytes.ts'
import { rangedSource } from './ranged-source.ts'
import { receive } from './receive.ts'
import { defaultTuning, type S3StoreOptions } from './settings.ts'
import type { StoreDeps } from './store-deps.ts'
import { writesOnce } from './writes-once.ts'

/**
 * An object store with the S3 API: Amazon's, or a compatible one. Create one per process: it has the connections and the memory that all
 * uploads share.
 *
 * @example
 * const store = s3ObjectStore({ bucket: 'zapcut-dev', region: 'eu-central-1', forcePathStyle: false, encryption: 'AES256', … })
 * const { etag, sizeBytes } = await store.receive(quarantineKey(uploadId), stream, { nonce })
 */
export function s3ObjectStore(options: S3StoreOptions): ObjectStore {
  const tuning = { ...defaultTuning, ...options.tuning }
  const client = makeClient(options, tuning)
  const checkClient = makeCheckClient(options, tuning)
  const callForCheck = boundedCalls(checkClient, options.callTimeoutMs)
  const presigner = makePresigner(options, client)
  const ownPresigner = makePresigner({ ...options, publicEndpoint: undefined }, client)
  const presigned = presigning(presigner, options)
  const call = tracedCalls(boundedCalls(client, options.callTimeoutMs), options)
  const deps: StoreDeps = {
    client,
    call,
    put: options.tracing === undefined ? puttingBytes(client, options) : bySdk(call, options.bucket),
    options,
    tuning,
    buffers: new PartBuffers(tuning.partBytes, tuning.partsInFlight),
    partsInFlight: new Semaphore(tuning.partsInFlight),
    copyParts: new AdaptivePermits(tuning.copyPartsInAll),
    copyAnswers: new CopyAnswers(),
  }
  return {
    receive: (key, bytes, receiving) => receive(deps, key, bytes, receiving),
    head: (object) => head(deps, object),
    source: (object, { signal, ...pinned }) => rangedSource(deps, object, pinned, signal),
    copyToFinal: (from, to, copying) => copyToFinal(deps, from, to, copying),
    ...presigned,
    beginParts: (key, { nonce }) => beginParts(deps, key, nonce),
    arrivedParts: (parts) => arrivedParts(deps, parts),
    completeParts: (parts, arrived) => completeParts(deps, parts, arrived),
    writesOnce: (key) => writesOnce(deps, key, presigning(ownPresigner, options).presignWrite),
    purge: (key) => purge(deps, key),
    abandonReceives: (key) => abandonReceives(deps, key),
    openReceives: (prefix) => openReceives(deps, prefix),
    list: (prefix, listing) => list(deps, prefix, listing),
    check: async ({ timeoutMs }) => {
      await callForCheck(new ListObjectsV2Command({ Bucket: options.bucket, MaxKeys: 1 }), { key: null, timeoutMs })
    },
    ping: ({ timeoutMs }) => ping({ ...deps, call: callForCheck }, timeoutMs),
    close: () => {
      client.destroy()
      checkClient.destroy()
      presigner.destroy()
      ownPresigner.destroy()
    },
  }
}
