import { randomUUID } from 'node:crypto'
import { call, tokenFor } from '@airlock/testkit/http'
import type { Told } from './consumer.ts'
import type { Breach, Evidence } from './evidence.ts'
import { type AssetRow, type FoundObject, isWaitingKey, type UploadRow } from './facts.ts'
import { sha256 } from './files.ts'
import type { SentFile } from './history.ts'

/** I1: every acknowledged file is final with the right end, and all responses agree. */
export function acknowledgedIsFinal(evidence: Evidence): Breach[] {
  return [...evidence.acknowledged].flatMap(([uploadId, name]) => {
    const what = wrongEnd(evidence.uploads.get(uploadId), name, evidence)
    return what === null ? [] : [breachOf('I1', uploadId, what)]
  })
}

function wrongEnd(row: UploadRow | undefined, name: string, evidence: Evidence): string | null {
  const { assets, objects, sent, asked, cancelled, deletedUsers } = evidence
  const file = sent.get(name)
  if (file === undefined) return `an answer names '${name}', which nobody sent`
  if (row === undefined) return 'acknowledged, and there is no row'
  if (row.original_filename !== name || row.user_id !== file.userId) return `its row is of '${row.original_filename}' of ${row.user_id}`
  const hasAsset = assets.some(({ upload_id }) => upload_id === row.id)
  if (hasAsset && isOfDeletedUser(row, evidence)) return 'its user was deleted, and its asset is there'
  switch (row.state) {
    case 'parked':
      if (row.source_bucket === null && !objects.has(row.quarantine_key)) return 'parked, and its bytes are gone'
      return `parked as ${row.error_code} (${row.last_fault}), although nothing was wrong when an operator had it tried again`
    case 'completed':
      if (file.expected !== 'completed') return `completed, and it is bad: ${file.expected}`
      if (cancelled.has(row.id)) return 'cancelled, and completed all the same'
      if (hasAsset) return wronglyThere(row, evidence)
      return mayBeGone(row, evidence) ? null : 'completed, and its asset is gone'
    case 'rejected':
      if (hasAsset) return 'rejected, and there is an asset'
      if (row.error_code === 'cancelled' && asked.has(row.id)) return null
      if (row.error_code === 'unknown_user' && deletedUsers.has(row.user_id)) return null
      if (row.error_code === 'file_too_complex' && file.expensive === true)
        return row.failed_inspections < 2 ? 'too complex, and it had no three tries' : null
      return row.error_code === file.expected ? null : `rejected as ${row.error_code}, expected ${file.expected}`
    default:
      return `acknowledged, and not final: ${row.state} after ${row.attempt} attempts, ${row.last_fault ?? 'no fault'}`
  }
}

/** The user was deleted after the registration, and not created again by a later request. */
function isOfDeletedUser({ user_id: userId }: UploadRow, { deletedUsers, uploads }: Evidence): boolean {
  const at = deletedUsers.get(userId)
  return at !== undefined && [...uploads.values()].every((row) => row.user_id !== userId || row.created_at < at)
}

function wronglyThere({ id }: UploadRow, { deleted, aged, useAsked }: Evidence): string | null {
  if (deleted.has(id)) return 'deleted, and its asset is there'
  return aged.has(id) && !useAsked.has(id) ? 'unused for too long, and its asset is there' : null
}

const mayBeGone = ({ id, user_id: userId }: UploadRow, { asked, deletedUsers, aged, used }: Evidence): boolean =>
  asked.has(id) || deletedUsers.has(userId) || (aged.has(id) && !used.has(id))

/** I2: at most one asset per file of an idempotent request and per upload, and only of files that were sent. */
export function atMostOneAsset({ uploads, assets, sent }: Evidence): Breach[] {
  const breaches: Breach[] = []
  const seen = new Set<string>()
  for (const { upload_id: uploadId } of assets) {
    const add = (what: string) => breaches.push(breachOf('I2', uploadId, what))
    if (seen.has(uploadId)) add('two assets of one upload')
    seen.add(uploadId)
    if (uploads.get(uploadId)?.state !== 'completed') add(`an asset of an upload that is ${uploads.get(uploadId)?.state ?? 'unknown'}`)
  }
  const accepted = new Set<string>()
  for (const { id, state, original_filename: name } of uploads.values()) {
    if (state === 'abandoned' || state === 'receiving') continue
    const file = sent.get(name)
    if (file === undefined) breaches.push(breachOf('I2', id, `accepted as '${name}', which nobody sent`))
    // every name is sent once, or again with the same Idempotency-Key
    if (accepted.has(name)) breaches.push(breachOf('I2', id, `'${name}' was accepted twice`))
    accepted.add(name)
  }
  return breaches
}

const cacheControls: Record<SentFile['assetType'], string> = {
  brand_image: 'public, max-age=31536000, immutable',
  generated_video: 'no-cache, must-revalidate',
}

const isFinalKey = (key: string): boolean => !isWaitingKey(key)

/** I3: every asset has its object, with the bytes that were sent, and with the right encryption and headers. */
export function assetsHaveObjects({ assets, objects, sent, uploads }: Evidence): Breach[] {
  return assets.flatMap((asset) => {
    const file = sent.get(uploads.get(asset.upload_id)?.original_filename ?? '')
    const wrong = wrongObject(asset, objects.get(asset.s3_key), file)
    return wrong.map((what) => breachOf('I3', asset.upload_id, `${asset.s3_key}: ${what}`))
  })
}

function wrongObject(asset: AssetRow, object: FoundObject | undefined, file: SentFile | undefined): string[] {
  if (object === undefined) return ['no object']
  if (file === undefined) return ['an asset of a file that nobody sent']
  const rules: [string, unknown, unknown][] = [
    ['bytes', object.sha256, file.sha256],
    ['size', object.sizeBytes, file.sizeBytes],
    ['size in the row', Number(asset.file_size), file.sizeBytes],
    ['hash in the row', asset.content_hash, file.sha256],
    ['owner', asset.user_id, file.userId],
    ['type', object.contentType, file.mediaType],
    ['type in the row', asset.mime_type, file.mediaType],
    ['cache', object.cacheControl, cacheControls[file.assetType]],
    ['encryption', object.encryption, 'AES256'],
    ['upload id', object.metadata.upload_id, asset.upload_id],
    ['hash in the metadata', object.metadata.content_hash, file.sha256],
    ['owner in the metadata', object.metadata.uploaded_by, file.userId],
    ['kind in the metadata', object.metadata.asset_type, file.assetType],
  ]
  return rules.flatMap(([what, found, wanted]) => (found === wanted ? [] : [`${what} is ${String(found)}, not ${String(wanted)}`]))
}

/** I4: no object under a final prefix without its row, and objects in other buckets are unchanged. */
export function objectsHaveRows(evidence: Evidence): Breach[] {
  return [...withoutRow(evidence), ...touched(evidence)]
}

function touched({ history, rendered }: Evidence): Breach[] {
  return history
    .all('rendered')
    .filter(({ key, sha256 }) => rendered.get(key) !== sha256)
    .map(({ key }) => breachOf('I4', null, `${key} of another bucket ${rendered.has(key) ? 'has other bytes' : 'is gone'}`))
}

function withoutRow({ assets, objects }: Evidence): Breach[] {
  const named = new Set(assets.map(({ s3_key }) => s3_key))
  return [...objects.values()]
    .filter(({ key }) => isFinalKey(key) && !named.has(key))
    .map(({ key, metadata }) => breachOf('I4', metadata.upload_id ?? null, `${key}: an object without a row`))
}

/** I7: no bad file is under a final prefix, whatever the rows are. */
export function nothingBadIsFinal({ objects, badHashes }: Evidence): Breach[] {
  return [...objects.values()]
    .filter(({ key, sha256 }) => isFinalKey(key) && badHashes.has(sha256))
    .map(({ key, metadata }) => breachOf('I7', metadata.upload_id ?? null, `${key}: bytes that were rejected`))
}

/** I5: quarantine, inbox, open multipart uploads, `receiving` rows, purges, webhook deliveries and queues are empty; only parked uploads keep their bytes. */
export function nothingIsLeft({ unsettled, uploads }: Evidence): Breach[] {
  const breach = (what: string, uploadId: string | null = null) => breachOf('I5', uploadId, what)
  const rows = [...uploads.values()]
  const parked = new Set(rows.filter(({ state }) => state === 'parked').map(({ quarantine_key }) => quarantine_key))
  const byKey = new Map(rows.map((row) => [row.quarantine_key, row]))
  return [
    ...rows.filter(({ state }) => state === 'receiving').map(({ id }) => breach('still receiving', id)),
    ...rows.filter(({ state }) => ['received', 'processing'].includes(state)).map(({ id, state }) => breach(`still ${state}`, id)),
    ...unsettled.quarantined
      .filter((key) => !parked.has(key))
      .map((key) => breach(`${key} waits, its row is ${byKey.get(key)?.state ?? 'unknown'}`, byKey.get(key)?.id)),
    ...unsettled.openUploads.map((key) => breach(`a multipart upload of ${key} is open`, byKey.get(key)?.id)),
    ...(unsettled.purges > 0 ? [breach(`${unsettled.purges} objects still wait to be purged`)] : []),
    ...(unsettled.deliveries > 0 ? [breach(`${unsettled.deliveries} webhooks still wait to be delivered`)] : []),
    ...(unsettled.jobs > 0 ? [breach(`${unsettled.jobs} jobs still wait in Redis`)] : []),
  ]
}

/** Number of assets that are checked; each takes several calls. */
const sampleSize = 25

/** I6: an asset's owner gets a working URL, and nobody else does. */
async function onlyOwnersPresign({ assets, uploads, sent, arena }: Evidence): Promise<Breach[]> {
  const breaches: Breach[] = []
  const step = Math.max(1, Math.floor(assets.length / sampleSize))
  for (const asset of assets.filter((_, index) => index % step === 0)) {
    const url = `${arena.gateways[0]}/api/assets/${asset.id}/presigned`
    const add = (what: string) => breaches.push(breachOf('I6', asset.upload_id, what))
    const stranger = await call(url, { token: tokenFor(randomUUID(), arena.jwtSecret) })
    if ('lost' in stranger || stranger.status !== 403) add(`a stranger was told ${JSON.stringify(stranger)}`)
    const owner = await call(url, { token: tokenFor(asset.user_id, arena.jwtSecret) })
    if ('lost' in owner || owner.status !== 200) {
      add(`the owner was told ${JSON.stringify(owner)}`)
      continue
    }
    const fetched = await fetch((owner.body as { presigned_url: string }).presigned_url, { signal: AbortSignal.timeout(10_000) })
    const wanted = sent.get(uploads.get(asset.upload_id)?.original_filename ?? '')?.sha256
    if (!fetched.ok || sha256(await fetched.bytes()) !== wanted) add(`the owner's URL gave other bytes, or none: ${fetched.status}`)
  }
  return breaches
}

/** I8: no user got more files accepted than the hourly limit; a run is shorter than an hour. It does not apply to pipelines. */
export function nobodyBeyondTheLimit({ uploads, filesPerHour }: Evidence): Breach[] {
  const counts = new Map<string, number>()
  for (const { user_id, counted, state, door } of uploads.values()) {
    if (door === 'pipeline') continue
    const accepted = state !== 'receiving' && state !== 'abandoned'
    if (counted || accepted) counts.set(user_id, (counts.get(user_id) ?? 0) + 1)
  }
  return [...counts]
    .filter(([, count]) => count > filesPerHour)
    .map(([userId, count]) => breachOf('I8', null, `${userId} has ${count} files, the limit is ${filesPerHour}`))
}

/**
 * I9: each ended upload has exactly one final event, and each deleted asset another; the events of an upload are numbered without gaps; and a continuous
 * reader got every event once, in the final order of the feed.
 */
export function everythingIsTold(evidence: Evidence): Breach[] {
  const { feed, uploads } = evidence
  const byUpload = Map.groupBy(feed, ({ data }) => data.upload_id)
  const wrong = [...uploads.values()].flatMap((row) => {
    const told = byUpload.get(row.id) ?? []
    return [...wrongNumbers(told), ...wrongOwner(told, row), ...wrongTypes(told, row, evidence)].map((what) => breachOf('I9', row.id, what))
  })
  const ofNobody = [...byUpload.keys()]
    .filter((id) => !uploads.has(id))
    .map((id) => breachOf('I9', id, 'events of an upload that is not there'))
  return [...wrong, ...ofNobody, ...wrongHearing(evidence)]
}

function wrongNumbers(told: readonly Told[]): string[] {
  const numbers = told.map(({ data }) => data.sequence)
  return numbers.every((number, i) => number === i + 1) ? [] : [`its events are numbered ${numbers.join(', ')}`]
}

const wrongOwner = (told: readonly Told[], row: UploadRow): string[] =>
  told.some(({ data }) => data.user_id !== row.user_id) ? ['an event names another user'] : []

function wrongTypes(told: readonly Told[], { id, state }: UploadRow, { assets }: Evidence): string[] {
  const types = told.map(({ type }) => type)
  const whole = types.filter((type) => type !== 'upload.parked' && type !== 'asset.expiring').join(', ')
  const hasAsset = assets.some(({ upload_id }) => upload_id === id)
  const expected = {
    completed: hasAsset ? 'upload.completed' : 'upload.completed, asset.deleted',
    rejected: 'upload.rejected',
  }[state]
  if (whole !== (expected ?? '')) return [`${state}, and the feed tells: ${types.join(', ') || 'nothing'}`]
  return state === 'parked' && types.at(-1) !== 'upload.parked' ? ['parked, and the feed does not tell it'] : []
}

function wrongHearing({ heard, feed }: Evidence): Breach[] {
  const ids = (events: readonly Told[]) => events.map(({ data }) => data.event_id)
  const [mine, all] = [ids(heard), ids(feed)]
  const known = new Set(mine)
  const hidden = feed.filter(({ data }) => !known.has(data.event_id))
  const found = hidden.map(({ type, data }) => breachOf('I9', data.upload_id, `nobody who read all the while heard of ${type}`))
  if (found.length === 0 && mine.join() !== all.join())
    found.push(breachOf('I9', null, `what was heard (${mine.length}) is not the feed (${all.length}), or in another order`))
  return found
}

/** I10: every refusal has a cause: no 429 below the hourly limit, no 500, and no refusal while everything works. */
export function nobodyIsRefusedWrongly({ history, uploads, sent, filesPerHour }: Evidence): Breach[] {
  const rowsOf = new Map<string, number>()
  for (const { user_id: userId } of uploads.values()) rowsOf.set(userId, (rowsOf.get(userId) ?? 0) + 1)
  const breach = (what: string, uploadId: string | null = null) => breachOf('I10', uploadId, what)
  const fullHours = history
    .all('refused')
    .filter(({ code }) => code === 'file_limit_reached')
    // all rows of the user are at least those that counted at the refusal
    .map(({ name }) => ({ name, rows: rowsOf.get(sent.get(name)?.userId ?? '') ?? 0 }))
    .filter(({ rows }) => rows < filesPerHour)
    .map(({ name, rows }) => breach(`${name}: file_limit_reached, and its user has ${rows} of ${filesPerHour} files`))
  const ourMistakes = history
    .all('failed')
    .filter(({ why }) => why.startsWith('500'))
    .map(({ what, name, uploadId }) => breach(`${name ?? what}: 500, as if no server had been unavailable`, uploadId))
  return [...fullHours, ...ourMistakes, ...history.all('refused wrongly').map(({ name, why }) => breach(`${name ?? 'a gateway'}: ${why}`))]
}

/** I11: the endpoint got every event of the feed at least once, and nothing else. */
export function everyEventIsDelivered({ feed, delivered }: Evidence): Breach[] {
  const published = new Set(feed.map(({ data }) => data.event_id))
  const missing = feed.filter(({ data }) => !delivered.has(data.event_id))
  const strange = [...delivered].filter((id) => !published.has(id))
  return [
    ...missing.map(({ type, data }) => breachOf('I11', data.upload_id, `${type} was never delivered to the endpoint`)),
    ...strange.map((id) => breachOf('I11', null, `the endpoint got ${id}, which is not in the feed`)),
  ]
}

const breachOf = (invariant: Breach['invariant'], uploadId: string | null | undefined, what: string): Breach => ({
  invariant,
  uploadId: uploadId ?? null,
  what,
})

/** Every guarantee that can be checked by the contents of the servers, with its check. */
const judges: Partial<Record<Breach['invariant'], (evidence: Evidence) => Breach[] | Promise<Breach[]>>> = {
  I1: acknowledgedIsFinal,
  I2: atMostOneAsset,
  I3: assetsHaveObjects,
  I4: objectsHaveRows,
  I5: nothingIsLeft,
  I6: onlyOwnersPresign,
  I7: nothingBadIsFinal,
  I8: nobodyBeyondTheLimit,
  I9: everythingIsTold,
  I10: nobodyIsRefusedWrongly,
  I11: everyEventIsDelivered,
}

export async function breachesIn(evidence: Evidence): Promise<Breach[]> {
  return (await Promise.all(Object.values(judges).map((judge) => judge(evidence)))).flat()
}
