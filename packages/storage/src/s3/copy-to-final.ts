import { CopyObjectCommand } from '@aws-sdk/client-s3'
import type { CopyOptions, ObjectAddress } from '../object-store.ts'
import { ObjectMissing, StoreFailure, StoreUnavailable } from '../store-errors.ts'
import { copyInParts } from './copy-in-parts.ts'
import { copyThroughUs } from './copy-through-us.ts'
import { confirmed, copySource, head, s3AddressOf } from './objects.ts'
import type { StoreDeps } from './store-deps.ts'
import { type WriteHeaders, writeHeaders } from './write-headers.ts'

interface Copy extends CopyOptions {
  from: ObjectAddress
  to: string
  written: WriteHeaders
}

/** See `ObjectStore.copyToFinal`. */
export async function copyToFinal(deps: StoreDeps, from: ObjectAddress, to: string, options: CopyOptions): Promise<{ etag: string }> {
  options.signal?.throwIfAborted()
  const copy: Copy = { ...options, from, to, written: writeHeaders(deps.options, options.headers) }
  let failure: unknown = null
  try {
    await copyBytes(deps, copy)
  } catch (error) {
    failure = await confirmed(deps, error, sourceOf(copy))
    // The source may be missing because an earlier call copied it; the answer of the last step may have been lost.
    if (!(failure instanceof ObjectMissing || failure instanceof StoreUnavailable)) throw failure
  }
  return arrived(deps, copy, failure)
}

const sourceOf = ({ from, ifEtag, sizeBytes, signal }: Copy) => ({ object: from, etag: ifEtag, sizeBytes, signal })

async function copyBytes(deps: StoreDeps, copy: Copy): Promise<void> {
  if (!deps.options.serverSideCopy) return copyThroughUs(deps, copy)
  try {
    if (copy.sizeBytes < deps.options.multipartCopyFromBytes) await copyWhole(deps, copy)
    else await copyInParts(deps, copy)
  } catch (error) {
    if (!(error instanceof StoreFailure) || error.code !== 'NotImplemented') throw error
    await copyThroughUs(deps, copy)
  }
}

/**
 * Verifies the object at the final key, which is more reliable than the store's answer to the copy.
 *
 * @param failure the error of the copy, to throw when nothing arrived
 */
async function arrived(deps: StoreDeps, { to, sizeBytes, headers, signal }: Copy, failure: unknown): Promise<{ etag: string }> {
  const found = await head(deps, to, signal).catch((error) => {
    throw failure ?? error
  })
  const isOurs = found !== null && found.sizeBytes === sizeBytes && sameMetadata(found.metadata, headers.metadata)
  if (!isOurs) throw failure ?? differs(to, `${found?.sizeBytes ?? 'no'} bytes where ${sizeBytes} were copied`)
  if (deps.options.encryption !== 'none' && found.encryption !== deps.options.encryption) {
    throw differs(to, `encryption is '${found.encryption ?? 'none'}', not '${deps.options.encryption}'`)
  }
  return { etag: found.etag }
}

const differs = (key: string, what: string): StoreFailure =>
  new StoreFailure(`The copy differs from its source: ${what}`, key, { code: 'CopyDiffers', status: null })

const sameMetadata = (found: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([name, value]) => found[name.toLowerCase()] === value)

async function copyWhole({ call, options: { bucket } }: StoreDeps, { from, to, ifEtag, written, signal }: Copy): Promise<void> {
  const command = new CopyObjectCommand({
    Bucket: bucket,
    Key: to,
    CopySource: copySource(bucket, from),
    CopySourceIfMatch: ifEtag,
    MetadataDirective: 'REPLACE',
    ...written,
  })
  await call(command, { key: s3AddressOf(bucket, from).Key, signal })
}
