import { randomUUID } from 'node:crypto'
import { call, tokenFor } from '@airlock/testkit/http'
import type { FeedEvent } from './consumer.ts'
import type { Evidence, Violation } from './evidence.ts'
import { sha256 } from './files.ts'
import type { SentFile } from './history.ts'
import { type AssetRow, type FoundObject, isWaitingKey, type UploadRow } from './server-contents.ts'

type Finding = Omit<Violation, 'invariant'>

const finding = (uploadId: string | null | undefined, what: string): Finding => ({ uploadId: uploadId ?? null, what })

/** I1: every acknowledged file is final with the right outcome, and all responses agree. */
function acknowledgedIsFinal(evidence: Evidence): Finding[] {
  return [...evidence.acknowledged].flatMap(([uploadId, name]) => {
    const what = wrongOutcome(evidence.uploads.get(uploadId), name, evidence)
    return what === null ? [] : [finding(uploadId, what)]
  })
}

function wrongOutcome(row: UploadRow | undefined, name: string, evidence: Evidence): string | null {
  const { objects, sent, asked, cancelled, deletedUsers } = evidence
  const file = sent.get(name)
  if (file === undefined) return `a response names '${name}', which was not sent`
  if (row === undefined) return 'acknowledged, but has no row'
  if (row.original_filename !== name || row.user_id !== file.userId) return `its row is of '${row.original_filename}' of ${row.user_id}`
  const isAsset = hasAsset(row.id, evidence)
  if (isAsset && isOfDeletedUser(row, evidence)) return 'its user was deleted, but its asset exists'
  switch (row.state) {
    case 'parked':
      if (row.source_bucket === null && !objects.has(row.quarantine_key)) return 'parked, but its bytes are gone'
      return `parked as ${row.error_code} (${row.last_fault}), although everything worked when an operator retried it`
    case 'completed':
      if (file.expected !== 'completed') return `completed, but the file is bad: ${file.expected}`
      if (cancelled.has(row.id)) return 'cancelled, but completed'
      if (isAsset) return wronglyKept(row, evidence)
      return mayBeGone(row, evidence) ? null : 'completed, but its asset is gone'
    case 'rejected':
      if (isAsset) return 'rejected, but has an asset'
      if (row.error_code === 'cancelled' && asked.has(row.id)) return null
      if (row.error_code === 'unknown_user' && deletedUsers.has(row.user_id)) return null
      if (row.error_code === 'file_too_complex' && file.expensive === true)
        return row.failed_inspections < 2 ? 'too complex, without three tries' : null
      return row.error_code === file.expected ? null : `rejected as ${row.error_code}, expected ${file.expected}`
    default:
      return `acknowledged, but not final: ${row.state} after ${row.attempt} attempts, ${row.last_fault ?? 'no fault'}`
  }
}

const hasAsset = (uploadId: string, { assets }: Evidence): boolean => assets.some(({ upload_id }) => upload_id === uploadId)

/** The user was deleted after the registration, and not created again by a later request. */
function isOfDeletedUser({ user_id: userId }: UploadRow, { deletedUsers, uploads }: Evidence): boolean {
  const at = deletedUsers.get(userId)
  return at !== undefined && [...uploads.values()].every((row) => row.user_id !== userId || row.created_at < at)
}

function wronglyKept({ id }: UploadRow, { deleted, aged, useAsked }: Evidence): string | null {
  if (deleted.has(id)) return 'deleted, but its asset exists'
  return aged.has(id) && !useAsked.has(id) ? 'unused for too long, but its asset exists' : null
}

const mayBeGone = ({ id, user_id: userId }: UploadRow, { asked, deletedUsers, aged, used }: Evidence): boolean =>
  asked.has(id) || deletedUsers.has(userId) || (aged.has(id) && !used.has(id))

/** I2: at most one asset per file of an idempotent request and per upload, and only of files that were sent. */
function atMostOneAsset({ uploads, assets, sent }: Evidence): Finding[] {
  const stateOf = (uploadId: string) => uploads.get(uploadId)?.state ?? 'unknown'
  const assetsOf = Map.groupBy(assets, ({ upload_id: uploadId }) => uploadId)
  // every name is sent once, or again with the same Idempotency-Key
  const accepted = Map.groupBy([...uploads.values()].filter(wasAccepted), ({ original_filename: name }) => name)
  return [
    ...[...assetsOf].filter(([, { length }]) => length > 1).map(([id]) => finding(id, 'two assets of one upload')),
    ...[...assetsOf.keys()]
      .filter((id) => stateOf(id) !== 'completed')
      .map((id) => finding(id, `an asset of an upload that is ${stateOf(id)}`)),
    ...[...accepted]
      .filter(([name]) => !sent.has(name))
      .map(([name, [row]]) => finding(row?.id, `accepted as '${name}', which was not sent`)),
    ...[...accepted]
      .filter(([, { length }]) => length > 1)
      .map(([name, [, second]]) => finding(second?.id, `'${name}' was accepted twice`)),
  ]
}

const wasAccepted = ({ state }: UploadRow): boolean => state !== 'receiving' && state !== 'abandoned'

const cacheControls: Record<SentFile['assetType'], string> = {
  brand_image: 'public, max-age=31536000, immutable',
  generated_video: 'no-cache, must-revalidate',
}

/** I3: every asset has its object, with the bytes that were sent, and with the right encryption and headers. */
function assetsHaveObjects({ assets, objects, sent, uploads }: Evidence): Finding[] {
  return assets.flatMap((asset) => {
    const file = sent.get(uploads.get(asset.upload_id)?.original_filename ?? '')
    const wrong = wrongObject(asset, objects.get(asset.s3_key), file)
    return wrong.map((what) => finding(asset.upload_id, `${asset.s3_key}: ${what}`))
  })
}

function wrongObject(asset: AssetRow, object: FoundObject | undefined, file: SentFile | undefined): string[] {
  if (object === undefined) return ['no object']
  if (file === undefined) return ['an asset of a file that was not sent']
  const rules: [string, unknown, unknown][] = [
    ['bytes', object.sha256, file.sha256],
    ['size', object.sizeBytes, file.sizeBytes],
    ['size in the row', Number(asset.file_size), file.sizeBytes],
    ['hash in the row', asset.content_hash, file.sha256],
    ['owner', asset.user_id, file.userId],
    ['type', object.ContentType, file.mediaType],
    ['type in the row', asset.mime_type, file.mediaType],
    ['cache', object.CacheControl, cacheControls[file.assetType]],
    ['encryption', object.ServerSideEncryption, 'AES256'],
    ['upload id', object.Metadata?.upload_id, asset.upload_id],
    ['hash in the metadata', object.Metadata?.content_hash, file.sha256],
    ['owner in the metadata', object.Metadata?.uploaded_by, file.userId],
    ['kind in the metadata', object.Metadata?.asset_type, file.assetType],
  ]
  return rules.flatMap(([what, found, wanted]) => (found === wanted ? [] : [`${what} is ${String(found)}, not ${String(wanted)}`]))
}

/** I4: no object under a final prefix without its row, and objects in other buckets are unchanged. */
function objectsHaveRows({ assets, objects, history, rendered }: Evidence): Finding[] {
  const named = new Set(assets.map(({ s3_key }) => s3_key))
  const withoutRow = [...objects.values()].filter(({ key }) => !isWaitingKey(key) && !named.has(key))
  const changed = history.all('rendered').filter(({ key, sha256 }) => rendered.get(key)?.sha256 !== sha256)
  return [
    ...withoutRow.map(({ key, Metadata }) => finding(Metadata?.upload_id, `${key}: an object without a row`)),
    ...changed.map(({ key }) => finding(null, `${key} of another bucket ${rendered.has(key) ? 'has other bytes' : 'is gone'}`)),
  ]
}

/** I5: quarantine, inbox, open multipart uploads, `receiving` rows, purges, webhook deliveries and queues are empty; only parked uploads keep their bytes. */
function nothingIsLeftBehind({ unfinished, uploads }: Evidence): Finding[] {
  return unfinished.map(({ kind, uploadId, key = '' }) =>
    finding(uploadId, `left: ${kind} ${key}, its upload is ${uploads.get(uploadId ?? '')?.state ?? 'unknown'}`),
  )
}

/** Number of assets that are checked; each takes several calls. */
const sampleSize = 25

/** I6: an asset's owner gets a working URL, and nobody else does. */
async function onlyOwnersGetUrls({ assets, uploads, sent, cluster }: Evidence): Promise<Finding[]> {
  const findings: Finding[] = []
  const step = Math.max(1, Math.floor(assets.length / sampleSize))
  for (const asset of assets.filter((_, index) => index % step === 0)) {
    const url = `${cluster.gateways[0]}/api/assets/${asset.id}/presigned`
    const add = (what: string) => findings.push(finding(asset.upload_id, what))
    const stranger = await call(url, { token: tokenFor(randomUUID(), cluster.jwtSecret) })
    if (stranger.status !== 403) add(`another user got ${JSON.stringify(stranger)}`)
    const owner = await call(url, { token: tokenFor(asset.user_id, cluster.jwtSecret) })
    if (owner.status !== 200) {
      add(`the owner got ${JSON.stringify(owner)}`)
      continue
    }
    const fetched = await fetch((owner.body as { presigned_url: string }).presigned_url, { signal: AbortSignal.timeout(10_000) })
    const wanted = sent.get(uploads.get(asset.upload_id)?.original_filename ?? '')?.sha256
    if (!fetched.ok || sha256(await fetched.bytes()) !== wanted) add(`the owner's URL returned other bytes, or none: ${fetched.status}`)
  }
  return findings
}

/** I7: no bad file is under a final prefix, whatever the rows are. */
function noBadBytesAreFinal({ objects, badHashes }: Evidence): Finding[] {
  return [...objects.values()]
    .filter(({ key, sha256 }) => !isWaitingKey(key) && badHashes.has(sha256))
    .map(({ key, Metadata }) => finding(Metadata?.upload_id, `${key}: bytes that were rejected`))
}

/** I8: no user got more files accepted than the hourly limit; a run is shorter than an hour. It does not apply to pipelines. */
function hourlyLimitHolds({ uploads, filesPerHour }: Evidence): Finding[] {
  const counted = [...uploads.values()].filter((row) => row.door !== 'pipeline' && (row.counted || wasAccepted(row)))
  return [...Map.groupBy(counted, ({ user_id: userId }) => userId)]
    .filter(([, { length }]) => length > filesPerHour)
    .map(([userId, { length }]) => finding(null, `${userId} has ${length} files, the limit is ${filesPerHour}`))
}

/**
 * I9: each ended upload has exactly one final event, and each deleted asset another; the events of an upload are numbered without gaps; and a continuous
 * reader got every event once, in the final order of the feed.
 */
function everyEndIsPublished(evidence: Evidence): Finding[] {
  const { feed, uploads } = evidence
  const byUpload = Map.groupBy(feed, ({ data }) => data.upload_id)
  const wrong = [...uploads.values()].flatMap((row) =>
    wrongEvents(byUpload.get(row.id) ?? [], row, evidence).map((what) => finding(row.id, what)),
  )
  const unknown = [...byUpload.keys()].filter((id) => !uploads.has(id)).map((id) => finding(id, 'events of an unknown upload'))
  return [...wrong, ...unknown, ...wrongReading(evidence)]
}

function wrongEvents(events: readonly FeedEvent[], { id, state, user_id: userId }: UploadRow, evidence: Evidence): string[] {
  const numbers = events.map(({ data }) => data.sequence)
  const types = events.map(({ type }) => type)
  const ends = types.filter((type) => type !== 'upload.parked' && type !== 'asset.expiring').join(', ')
  const expected = {
    completed: hasAsset(id, evidence) ? 'upload.completed' : 'upload.completed, asset.deleted',
    rejected: 'upload.rejected',
  }[state]
  return [
    ...(numbers.some((number, i) => number !== i + 1) ? [`its events are numbered ${numbers.join(', ')}`] : []),
    ...(events.some(({ data }) => data.user_id !== userId) ? ['an event names another user'] : []),
    ...(ends !== (expected ?? '') ? [`${state}, but the feed has: ${types.join(', ') || 'nothing'}`] : []),
    ...(state === 'parked' && types.at(-1) !== 'upload.parked' ? ['parked, but the last event of the feed is another one'] : []),
  ]
}

function wrongReading({ received, feed }: Evidence): Finding[] {
  const ids = (events: readonly FeedEvent[]) => events.map(({ data }) => data.event_id)
  const known = new Set(ids(received))
  const missed = feed.filter(({ data }) => !known.has(data.event_id))
  if (missed.length > 0) return missed.map(({ type, data }) => finding(data.upload_id, `a continuous reader did not get ${type}`))
  if (ids(received).join() === ids(feed).join()) return []
  return [finding(null, `a continuous reader got ${received.length} events, not the ${feed.length} of the feed in its order`)]
}

/** I10: every refusal has a cause: no 429 below the hourly limit, no 500, and no refusal while everything works. */
function refusalsHaveCauses({ history, uploads, sent, filesPerHour }: Evidence): Finding[] {
  const rowsOf = Map.groupBy(uploads.values(), ({ user_id: userId }) => userId)
  const belowLimit = history
    .all('refused')
    .filter(({ code }) => code === 'file_limit_reached')
    // all rows of the user are at least those that counted at the refusal
    .map(({ name }) => ({ name, rows: rowsOf.get(sent.get(name)?.userId ?? '')?.length ?? 0 }))
    .filter(({ rows }) => rows < filesPerHour)
  const unhandled = history.all('failed').filter(({ why }) => why.startsWith('500'))
  return [
    ...belowLimit.map(({ name, rows }) => finding(null, `${name}: file_limit_reached, but its user has ${rows} of ${filesPerHour} files`)),
    ...unhandled.map(({ what, name, uploadId }) => finding(uploadId, `${name ?? what}: 500 instead of a specific error`)),
    ...history.all('refused wrongly').map(({ name, why }) => finding(null, `${name ?? 'a gateway'}: ${why}`)),
  ]
}

/** I11: the endpoint got every event of the feed at least once, and nothing else. */
function everyEventIsDelivered({ feed, delivered }: Evidence): Finding[] {
  const published = new Set(feed.map(({ data }) => data.event_id))
  const missing = feed.filter(({ data }) => !delivered.has(data.event_id))
  const unknown = [...delivered].filter((id) => !published.has(id))
  return [
    ...missing.map(({ type, data }) => finding(data.upload_id, `${type} was never delivered to the endpoint`)),
    ...unknown.map((id) => finding(null, `the endpoint got ${id}, which is not in the feed`)),
  ]
}

/** The guarantees that can be checked by the contents of the servers. The repairs check I12, the restores I13. */
const checks = {
  I1: acknowledgedIsFinal,
  I2: atMostOneAsset,
  I3: assetsHaveObjects,
  I4: objectsHaveRows,
  I5: nothingIsLeftBehind,
  I7: noBadBytesAreFinal,
  I8: hourlyLimitHolds,
  I9: everyEndIsPublished,
  I10: refusalsHaveCauses,
  I11: everyEventIsDelivered,
} as const

/** @param invariants only these */
export function violationsIn(evidence: Evidence, invariants = Object.keys(checks) as (keyof typeof checks)[]): Violation[] {
  return invariants.flatMap((invariant) => checks[invariant](evidence).map((found) => ({ invariant, ...found })))
}

/** The same, and I6, which sends requests. */
export async function findViolations(evidence: Evidence): Promise<Violation[]> {
  return [...violationsIn(evidence), ...(await onlyOwnersGetUrls(evidence)).map((found) => ({ invariant: 'I6' as const, ...found }))]
}
