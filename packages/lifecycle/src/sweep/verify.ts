import type { AssetRecord, UploadRecord } from '@airlock/database'
import { assetKind, inboxPrefix, isFinal, quarantinePrefix, uploadIdOfQuarantineKey } from '@airlock/domain'
import type { StoredObject } from '@airlock/storage'
import { waitingBytes } from '../waiting-bytes.ts'
import { judgeInbox } from './inbox.ts'
import { keyPage } from './key-page.ts'
import { leftoversOf } from './leftovers.ts'
import { idsAtOnce, pieces } from './over.ts'
import { judgeStrays, vanishedOf } from './strays.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'
import { unfinishedOf } from './unfinished.ts'

export type VerifyDeps = Pick<SweepDeps, 'uploads' | 'assets' | 'store'>

export interface VerifyOptions extends Pick<SweepOptions, 'callSeconds' | 'receivingForSeconds' | 'inboxRingAfterSeconds'> {
  /** Whether the store must say of each object that it is encrypted. */
  encrypted: boolean
  /** Where to begin, from an earlier page's `next`; null for the beginning. */
  after: string | null
}

/** Something that is not as the invariants have it (design, section 2). */
export interface Breach {
  readonly what:
    | 'asset without object'
    | 'asset differs from object'
    | 'upload without object'
    | 'object of an ended upload'
    | 'unfinished upload of an ended upload'
    | 'object that no row explains'
  readonly key: string
  readonly detail: string
  /** Removes what is proven to be over; absent where only a person can tell. */
  readonly repair?: () => Promise<unknown>
}

export interface VerifiedPage {
  /** Rows and objects looked at. */
  readonly checked: number
  readonly breaches: readonly Breach[]
  /** For another run, from here on; null when all is done. */
  readonly next: string | null
}

type Section = (after: string | null, deps: VerifyDeps, options: VerifyOptions) => Promise<VerifiedPage>

/** Calls to the store that are under way at once. */
const atOnce = 8

const sections = {
  assets: assetPage,
  quarantine: quarantinePage,
  inbox: inboxPage,
  uploads: uploadPage,
  unfinished: unfinishedPage,
} as const satisfies Record<string, Section>
const names = Object.keys(sections) as (keyof typeof sections)[]

/**
 * Holds rows against objects, both ways, a page at a time, on a system that runs: what moves meanwhile is looked at a second time before
 * it is called a breach.
 *
 * @throws RangeError when `after` is no place of this function's
 */
export async function* verify(options: VerifyOptions, deps: VerifyDeps): AsyncGenerator<VerifiedPage> {
  let [name, after] = placeOf(options.after)
  for (;;) {
    const page = await sections[name](after, deps, options)
    const following = page.next === null ? names[names.indexOf(name) + 1] : name
    yield { ...page, next: following === undefined ? null : `${following} ${page.next ?? ''}` }
    if (following === undefined) return
    ;[name, after] = [following, page.next]
  }
}

function placeOf(place: string | null): [keyof typeof sections, string | null] {
  if (place === null) return ['assets', null]
  const space = place.indexOf(' ')
  const name = names.find((candidate) => candidate === place.slice(0, space))
  if (name === undefined) throw new RangeError(`'${place}' is no place that verify came to`)
  return [name, place.slice(space + 1) || null]
}

async function assetPage(after: string | null, deps: VerifyDeps, options: VerifyOptions): Promise<VerifiedPage> {
  const { objects, assets, next } = await keyPage(after, deps)
  const named = new Set(assets.map(({ s3Key }) => s3Key))
  const ours = assets.filter(({ uploadId }) => uploadId !== null)
  const differing: Breach[] = []
  const missing: AssetRecord[] = []
  for (const piece of pieces(ours, atOnce)) {
    const heads = await Promise.all(piece.map(async (asset) => ({ asset, object: await deps.store.head(asset.s3Key) })))
    for (const { asset, object } of heads) {
      if (object === null) missing.push(asset)
      else differing.push(...differencesOf(asset, object, options))
    }
  }
  const { over, unproven } = await judgeStrays(
    objects.filter(({ key }) => !named.has(key)),
    deps,
    options,
  )
  const vanished = await vanishedOf(missing, deps)
  const breaches: Breach[] = [
    ...differing,
    ...vanished.map(({ s3Key, id }): Breach => ({ what: 'asset without object', key: s3Key, detail: `asset ${id}` })),
    ...over.map(({ key }): Breach => ({ what: 'object of an ended upload', key, detail: 'final', repair: () => deps.store.purge(key) })),
    ...unproven.map(({ key }): Breach => ({ what: 'object that no row explains', key, detail: 'never removed by Airlock' })),
  ]
  return { checked: objects.length + assets.length, breaches, next }
}

function differencesOf(asset: AssetRecord, object: StoredObject, { encrypted }: VerifyOptions): Breach[] {
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

async function quarantinePage(after: string | null, deps: VerifyDeps, options: VerifyOptions): Promise<VerifiedPage> {
  const objects = await deps.store.list(quarantinePrefix, { limit: idsAtOnce, ...(after !== null && { after }) })
  const foreign = objects.filter(({ key }) => uploadIdOfQuarantineKey(key) === null)
  const over = await leftoversOf(objects, deps, options)
  const breaches: Breach[] = [
    ...over.map(
      ({ key }): Breach => ({ what: 'object of an ended upload', key, detail: 'in quarantine', repair: () => deps.store.purge(key) }),
    ),
    ...foreign.map(({ key }): Breach => ({ what: 'object that no row explains', key, detail: 'in quarantine' })),
  ]
  return { checked: objects.length, breaches, next: objects.length < idsAtOnce ? null : (objects.at(-1)?.key ?? null) }
}

/** A video that nobody announced is a breach when the sweeper should have rung for it long ago: it can't be announced, or no worker runs. */
async function inboxPage(after: string | null, deps: VerifyDeps, options: VerifyOptions): Promise<VerifiedPage> {
  const objects = await deps.store.list(inboxPrefix, { limit: idsAtOnce, ...(after !== null && { after }) })
  const longAgo = options.inboxRingAfterSeconds + options.receivingForSeconds + options.callSeconds
  const { unknown, unexplained } = await judgeInbox(objects, deps, { inboxRingAfterSeconds: longAgo })
  const over = await leftoversOf(objects, deps, options)
  const breaches: Breach[] = [
    ...over.map(
      ({ key }): Breach => ({ what: 'object of an ended upload', key, detail: 'in the inbox', repair: () => deps.store.purge(key) }),
    ),
    ...unknown.map(({ key }): Breach => ({ what: 'object that no row explains', key, detail: 'in the inbox, never announced' })),
    ...unexplained.map(({ key }): Breach => ({ what: 'object that no row explains', key, detail: 'in the inbox' })),
  ]
  return { checked: objects.length, breaches, next: objects.length < idsAtOnce ? null : (objects.at(-1)?.key ?? null) }
}

async function uploadPage(after: string | null, deps: VerifyDeps): Promise<VerifiedPage> {
  const uploads = await deps.uploads.alive({ after, limit: idsAtOnce })
  const breaches: Breach[] = []
  for (const piece of pieces(uploads, atOnce)) {
    const found = await Promise.all(piece.map((upload) => bytesOf(upload, deps)))
    breaches.push(...found.flat())
  }
  return { checked: uploads.length, breaches, next: uploads.length < idsAtOnce ? null : (uploads.at(-1)?.id ?? null) }
}

/** Whether the bytes of a living upload are where they wait for a worker. It may have ended while we looked. */
async function bytesOf(living: UploadRecord, { uploads, store }: VerifyDeps): Promise<Breach[]> {
  const { id, quarantineKey, source, etag } = living
  const object = await store.head(waitingBytes(living))
  if (object?.etag === etag) return []
  const upload = await uploads.byId(id)
  if (upload === null || isFinal(upload.state)) return []
  const key = source === null ? quarantineKey : `s3://${source.bucket}/${source.key}`
  return [{ what: 'upload without object', key, detail: `${upload.state}, the object is ${object === null ? 'gone' : 'another'}` }]
}

async function unfinishedPage(_after: string | null, deps: VerifyDeps, options: VerifyOptions): Promise<VerifiedPage> {
  const { open, over } = await unfinishedOf(deps, options)
  const breaches = over.map(
    ({ key, begunAt }): Breach => ({
      what: 'unfinished upload of an ended upload',
      key,
      detail: `begun ${begunAt.toISOString()}`,
      repair: () => deps.store.abandonReceives(key),
    }),
  )
  return { checked: open.length, breaches, next: null }
}
