import type { UploadRow } from '../facts.ts'
import type { Breach, Evidence } from './evidence.ts'

/** I1: every acknowledged file is final with the right end, and all responses agree. */
export function acknowledgedIsFinal(evidence: Evidence): Breach[] {
  return [...evidence.acknowledged].flatMap(([uploadId, name]) => {
    const what = wrongEnd(evidence.uploads.get(uploadId), name, evidence)
    return what === null ? [] : [{ invariant: 'I1' as const, uploadId, what }]
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
    const add = (what: string) => breaches.push({ invariant: 'I2', uploadId, what })
    if (seen.has(uploadId)) add('two assets of one upload')
    seen.add(uploadId)
    if (uploads.get(uploadId)?.state !== 'completed') add(`an asset of an upload that is ${uploads.get(uploadId)?.state ?? 'unknown'}`)
  }
  const accepted = new Set<string>()
  for (const { id, state, original_filename: name } of uploads.values()) {
    if (state === 'abandoned' || state === 'receiving') continue
    const file = sent.get(name)
    if (file === undefined) breaches.push({ invariant: 'I2', uploadId: id, what: `accepted as '${name}', which nobody sent` })
    // every name is sent once, or again with the same Idempotency-Key
    if (accepted.has(name)) breaches.push({ invariant: 'I2', uploadId: id, what: `'${name}' was accepted twice` })
    accepted.add(name)
  }
  return breaches
}
