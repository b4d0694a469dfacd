import type { AssetRecord, UploadRecord } from '@airlock/database'
import { assetKind, inboxPrefix, isFinal, isStoreCheckKey, quarantinePrefix, uploadIdOfQuarantineKey } from '@airlock/domain'
import { type JobQueue, JobQueueUnreachable } from '@airlock/queue'
import { type ListedObject, type StoredObject, StoreFailure } from '@airlock/storage'
import { sourceAddress } from '../upload-objects.ts'
import { judgeInbox, payloadsOf } from './inbox.ts'
import { keyPage } from './key-page.ts'
import { judgeLeftovers } from './leftovers.ts'
import { atOnce, idsAtOnce, lookAt, pieces } from './stored-objects.ts'
import { judgeStrays, judgeVanished, type Unreadable } from './strays.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'
import { unfinishedOf } from './unfinished.ts'

export interface VerifyDeps extends Pick<SweepDeps, 'uploads' | 'assets' | 'store'> {
  /** Reports videos whose job and object name different owners, as long as Redis keeps the failed job. */
  jobQueue: Pick<JobQueue, 'failureOf'>
}

export interface VerifyOptions extends Pick<SweepOptions, 'callSeconds' | 'receivingForSeconds' | 'inboxEnqueueAfterSeconds'> {
  /** Whether every object must be encrypted. */
  encrypted: boolean
  /** The position from which to continue: the `next` of an earlier page, or null. */
  after: string | null
}

/** A violation of the invariants (docs/design.md). */
export interface Violation {
  readonly what:
    | 'asset without object'
    | 'asset differs from object'
    | 'upload without object'
    | 'object of an ended upload'
    | 'open multipart upload of an ended upload'
    | 'object without a matching row'
    | 'disputed object'
    | 'last copy of an asset'
    | 'unreadable object'
  readonly key: string
  readonly detail: string
  /** Removes an object that is proven to be reclaimable; absent where an operator must decide. */
  readonly repair?: () => Promise<unknown>
}

export interface VerifiedPage {
  /** How many rows and objects were checked. */
  readonly checked: number
  readonly violations: readonly Violation[]
  /** The position from which another run continues; null at the end. */
  readonly next: string | null
}

type Section = (after: string | null, deps: VerifyDeps, options: VerifyOptions) => Promise<VerifiedPage>

const sections = {
  assets: assetPage,
  quarantine: quarantinePage,
  inbox: inboxPage,
  uploads: uploadPage,
  unfinished: unfinishedPage,
} as const satisfies Record<string, Section>
const names = Object.keys(sections) as (keyof typeof sections)[]

/**
 * Compares rows with objects in both directions, a page at a time, on a running system: whatever may have moved in between is read a second
 * time before it is reported as a violation.
 *
 * @throws RangeError when `after` is not a position of this function
 */
export async function* verify(options: VerifyOptions, deps: VerifyDeps): AsyncGenerator<VerifiedPage> {
  let [name, after] = parsePosition(options.after)
  for (;;) {
    const page = await sections[name](after, deps, options)
    const following = page.next === null ? names[names.indexOf(name) + 1] : name
    yield { ...page, next: following === undefined ? null : `${following} ${page.next ?? ''}` }
    if (following === undefined) return
    ;[name, after] = [following, page.next]
  }
}

function parsePosition(position: string | null): [keyof typeof sections, string | null] {
  if (position === null) return ['assets', null]
  const space = position.indexOf(' ')
  const name = names.find((candidate) => candidate === position.slice(0, space))
  if (name === undefined) throw new RangeError(`'${position}' is not a position of verify`)
  return [name, position.slice(space + 1) || null]
}

async function assetPage(after: string | null, deps: VerifyDeps, options: VerifyOptions): Promise<VerifiedPage> {
  const { objects, assets, next } = await keyPage(after, deps)
  const named = new Set(assets.map(({ s3Key }) => s3Key))
  const ours = assets.filter(({ uploadId }) => uploadId !== null)
  const differing: Violation[] = []
  const missing: AssetRecord[] = []
  const looks = await lookAt(
    ours.map((asset) => ({ key: asset.s3Key, asset })),
    deps.store,
  )
  for (const { asset, object, refused } of looks) {
    if (refused !== null) differing.push(...unreadables([{ key: asset.s3Key, reason: refused }]))
    else if (object === null) missing.push(asset)
    else differing.push(...differencesOf(asset, object, options))
  }
  const { reclaimable, unproven, unreadable } = await judgeStrays(
    objects.filter(({ key }) => !named.has(key)),
    deps,
    options,
  )
  const { vanished, unreadable: unseen } = await judgeVanished(missing, deps)
  const violations: Violation[] = [
    ...differing,
    ...vanished.map(({ s3Key, id }): Violation => ({ what: 'asset without object', key: s3Key, detail: `asset ${id}` })),
    ...reclaimable.map(
      ({ key }): Violation => ({ what: 'object of an ended upload', key, detail: 'at its final key', repair: () => deps.store.purge(key) }),
    ),
    ...unproven.map(({ key }): Violation => ({ what: 'object without a matching row', key, detail: 'never removed by Airlock' })),
    ...unreadables([...unreadable, ...unseen]),
  ]
  return { checked: objects.length + assets.length, violations, next }
}

function differencesOf(asset: AssetRecord, object: StoredObject, { encrypted }: VerifyOptions): Violation[] {
  const expected = {
    size: [asset.sizeBytes, object.sizeBytes],
    content_hash: [asset.metadata?.content_hash, object.metadata.content_hash],
    upload_id: [asset.uploadId, object.metadata.upload_id],
    content_type: [asset.mediaType, object.contentType],
    cache_control: [asset.assetType === null ? null : assetKind(asset.assetType).cacheControl, object.cacheControl],
    encryption: [encrypted, encrypted && object.encryption !== null],
  }
  return Object.entries(expected)
    .filter(([, [row, there]]) => row !== there)
    .map(([name, [row, there]]) => ({ what: 'asset differs from object', key: asset.s3Key, detail: `${name}: ${row} ≠ ${there}` }))
}

const unreadables = (objects: readonly Unreadable[]): Violation[] =>
  objects.map(({ key, reason }) => ({ what: 'unreadable object', key, detail: reason }))

const withoutRow = (objects: readonly Pick<ListedObject, 'key'>[], detail: string): Violation[] =>
  objects.map(({ key }) => ({ what: 'object without a matching row', key, detail }))

async function quarantinePage(after: string | null, deps: VerifyDeps, options: VerifyOptions): Promise<VerifiedPage> {
  const objects = await deps.store.list(quarantinePrefix, { limit: idsAtOnce, ...(after !== null && { after }) })
  const foreign = objects.filter(({ key }) => uploadIdOfQuarantineKey(key) === null && !isStoreCheckKey(key))
  const { unproven, violations } = await leftoversOf(objects, 'in quarantine', deps, options)
  return {
    checked: objects.length,
    violations: [...violations, ...withoutRow([...unproven, ...foreign], 'in quarantine')],
    next: nextOf(objects),
  }
}

/** A video without a job is a violation if the sweeper should have enqueued it long ago: it can't be enqueued, or no worker runs. */
async function inboxPage(after: string | null, deps: VerifyDeps, options: VerifyOptions): Promise<VerifiedPage> {
  const objects = await deps.store.list(inboxPrefix, { limit: idsAtOnce, ...(after !== null && { after }) })
  const { unknown, unexplained } = await judgeInbox(objects, deps, { inboxEnqueueAfterSeconds: 0 })
  const disputed = await disputesOf(unknown, deps)
  const inDispute = new Set(disputed.map(({ key }) => key))
  const longAgo = options.inboxEnqueueAfterSeconds + options.receivingForSeconds + options.callSeconds
  const forgotten = (await judgeInbox(objects, deps, { inboxEnqueueAfterSeconds: longAgo })).unknown.filter(
    ({ key }) => !inDispute.has(key),
  )
  const { violations } = await leftoversOf(objects, 'in the inbox', deps, options)
  return {
    checked: objects.length,
    violations: [
      ...violations,
      ...disputed,
      ...withoutRow(forgotten, 'in the inbox, never enqueued'),
      ...withoutRow(unexplained, 'in the inbox'),
    ],
    next: nextOf(objects),
  }
}

async function leftoversOf(objects: readonly ListedObject[], where: string, deps: VerifyDeps, options: VerifyOptions) {
  const { reclaimable, lastCopies, unproven } = await judgeLeftovers(objects, deps, options)
  const violations: Violation[] = [
    ...reclaimable.map(
      ({ key }): Violation => ({ what: 'object of an ended upload', key, detail: where, repair: () => deps.store.purge(key) }),
    ),
    ...lastCopies.map(({ key }): Violation => ({ what: 'last copy of an asset', key, detail: `${where}, the asset has no object` })),
  ]
  return { violations, unproven }
}

/** Videos whose job failed because it and the object name different owners. While Redis is unavailable, none is found. */
async function disputesOf(unknown: readonly ListedObject[], { store, jobQueue }: VerifyDeps): Promise<Violation[]> {
  const { items } = await payloadsOf(unknown, store)
  const violations: Violation[] = []
  for (const { key, payload } of items) {
    const failure = await jobQueue.failureOf('videos', payload.upload_id).catch((error: unknown) => {
      if (!(error instanceof JobQueueUnreachable)) throw error
      return null
    })
    if (failure?.isDisputed) violations.push({ what: 'disputed object', key, detail: failure.reason })
  }
  return violations
}

const nextOf = (objects: readonly ListedObject[]): string | null => (objects.length < idsAtOnce ? null : (objects.at(-1)?.key ?? null))

async function uploadPage(after: string | null, deps: VerifyDeps): Promise<VerifiedPage> {
  const uploads = await deps.uploads.alive({ after, limit: idsAtOnce })
  const violations: Violation[] = []
  for (const piece of pieces(uploads, atOnce)) {
    const found = await Promise.all(piece.map((upload) => bytesOf(upload, deps)))
    violations.push(...found.flat())
  }
  return { checked: uploads.length, violations, next: uploads.length < idsAtOnce ? null : (uploads.at(-1)?.id ?? null) }
}

/** Checks that the bytes of a live upload wait where its row says. Its state is read again, because it may have ended in between. */
async function bytesOf(live: UploadRecord, { uploads, store }: VerifyDeps): Promise<Violation[]> {
  const { id, quarantineKey, source, etag } = live
  const key = source === null ? quarantineKey : `s3://${source.bucket}/${source.key}`
  const looked = await store.head(sourceAddress(live)).catch((error: unknown) => {
    if (!(error instanceof StoreFailure) || error.code === 'NoSuchBucket') throw error
    return error
  })
  if (looked instanceof StoreFailure) return unreadables([{ key, reason: looked.message }])
  if (looked?.etag === etag) return []
  const upload = await uploads.byId(id)
  if (upload === null || isFinal(upload.state)) return []
  return [{ what: 'upload without object', key, detail: `${upload.state}, the object is ${looked === null ? 'missing' : 'another one'}` }]
}

async function unfinishedPage(_after: string | null, deps: VerifyDeps, options: VerifyOptions): Promise<VerifiedPage> {
  const { open, reclaimable } = await unfinishedOf(deps, options)
  const violations = reclaimable.map(
    ({ key, begunAt }): Violation => ({
      what: 'open multipart upload of an ended upload',
      key,
      detail: `started ${begunAt.toISOString()}`,
      repair: () => deps.store.abandonReceives(key),
    }),
  )
  return { checked: open.length, violations, next: null }
}
