import { CopyObjectCommand } from '@aws-sdk/client-s3'
import type { CopyOptions, Encryption, ObjectAddress } from '../object-store.ts'
import { ObjectMissing, StoreFailure, StoreUnavailable } from '../store-errors.ts'
import { copyInParts } from './copy-in-parts.ts'
import { copyThroughUs } from './copy-through-us.ts'
import { asEncryption, confirmed, copySource, head, s3AddressOf } from './objects.ts'
import type { StoreDeps } from './store-deps.ts'
import { type WriteHeaders, writeHeaders } from './write-headers.ts'

interface Copy extends CopyOptions {
  from: ObjectAddress
  to: string
  written: WriteHeaders
}

/**
 * See `ObjectStore.copyToFinal`. Once a HEAD has shown that the store's answers to copies are true, most copies need none: see `CopyAnswers`.
 */
export async function copyToFinal(deps: StoreDeps, from: ObjectAddress, to: string, options: CopyOptions): Promise<{ etag: string }> {
  options.signal?.throwIfAborted()
  const copy: Copy = { ...options, from, to, written: writeHeaders(deps.options, options.headers) }
  let answer: CopyAnswer | null
  try {
    answer = await copyBytes(deps, copy)
  } catch (error) {
    const failure = await confirmed(deps, error, sourceOf(copy))
    // The source may be missing because an earlier call copied it; the answer of the last step may have been lost.
    if (!(failure instanceof ObjectMissing || failure instanceof StoreUnavailable)) throw failure
    return arrived(deps, copy, failure)
  }
  if (answer === null) return arrived(deps, copy, null)
  mustBeEncrypted(deps, to, answer.encryption ?? deps.options.encryption)
  if (deps.copyAnswers.areTrusted()) return { etag: answer.etag }
  const found = await arrived(deps, copy, null)
  if (found.etag === answer.etag) deps.copyAnswers.proved()
  return found
}

/** What the store says about a copy that it has made. `encryption` is null when it says nothing of it, as SeaweedFS. */
interface CopyAnswer {
  readonly etag: string
  readonly encryption: Encryption | null
}

const sourceOf = ({ from, ifEtag, sizeBytes, signal }: Copy) => ({ object: from, etag: ifEtag, sizeBytes, signal })

/** @returns null without an answer that describes the whole copy */
async function copyBytes(deps: StoreDeps, copy: Copy): Promise<CopyAnswer | null> {
  try {
    if (deps.options.serverSideCopy) {
      if (copy.sizeBytes < deps.options.multipartCopyFromBytes) return await copyWhole(deps, copy)
      await copyInParts(deps, copy)
      return null
    }
  } catch (error) {
    if (!(error instanceof StoreFailure) || error.code !== 'NotImplemented') throw error
  }
  await copyThroughUs(deps, copy)
  return null
}

/**
 * Verifies the object at the final key by a HEAD, which is more reliable than the store's answer to the copy.
 *
 * @param failure the error of the copy, to throw when nothing arrived
 */
async function arrived(deps: StoreDeps, { to, sizeBytes, headers, signal }: Copy, failure: unknown): Promise<{ etag: string }> {
  const found = await head(deps, to, signal).catch((error) => {
    throw failure ?? error
  })
  const isOurs = found !== null && found.sizeBytes === sizeBytes && sameMetadata(found.metadata, headers.metadata)
  if (!isOurs) throw failure ?? differs(to, `${found?.sizeBytes ?? 'no'} bytes where ${sizeBytes} were copied`)
  mustBeEncrypted(deps, to, found.encryption ?? 'none')
  return { etag: found.etag }
}

function mustBeEncrypted({ options: { encryption } }: StoreDeps, key: string, found: Encryption | 'none'): void {
  if (encryption !== 'none' && found !== encryption) throw differs(key, `encryption is '${found}', not '${encryption}'`)
}

const differs = (key: string, what: string): StoreFailure =>
  new StoreFailure(`The copy differs from its source: ${what}`, key, { code: 'CopyDiffers', status: null })

const sameMetadata = (found: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([name, value]) => found[name.toLowerCase()] === value)

async function copyWhole(
  { call, options: { bucket } }: StoreDeps,
  { from, to, ifEtag, written, signal }: Copy,
): Promise<CopyAnswer | null> {
  const command = new CopyObjectCommand({
    Bucket: bucket,
    Key: to,
    CopySource: copySource(bucket, from),
    CopySourceIfMatch: ifEtag,
    MetadataDirective: 'REPLACE',
    ...written,
  })
  const { CopyObjectResult, ServerSideEncryption } = await call(command, { key: s3AddressOf(bucket, from).Key, signal })
  const etag = CopyObjectResult?.ETag
  return etag === undefined ? null : { etag: quoted(etag), encryption: asEncryption(ServerSideEncryption) }
}

/** An ETag as headers have it (RFC 9110, section 8.8.3). SeaweedFS omits the quotes in its answer to a copy. */
const quoted = (etag: string): string => (etag.startsWith('"') ? etag : `"${etag}"`)
