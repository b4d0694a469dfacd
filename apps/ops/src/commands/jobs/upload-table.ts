import type { UploadRecord } from '@airlock/database'
import { assetKind } from '@airlock/domain'
import { age, Table } from '../../table.ts'

/** When an upload came to its state. */
function inStateSince({ state, createdAt, processingAt, parkedAt, updatedAt }: UploadRecord): Date {
  if (state === 'receiving') return createdAt
  if (state === 'processing') return processingAt ?? updatedAt
  return state === 'parked' ? (parkedAt ?? updatedAt) : updatedAt
}

const laneOf = ({ assetType }: UploadRecord): string | null => (assetType === null ? null : assetKind(assetType).lane)

/** @param now by the clock of Postgres */
export const uploadTable = (now: Date): Table<UploadRecord> =>
  new Table([
    { title: 'ID', width: 36, of: ({ id }) => id },
    { title: 'STATE', width: 10, of: ({ state }) => state },
    { title: 'FOR', width: 4, of: (upload) => age(now.getTime() - inStateSince(upload).getTime()) },
    { title: 'LANE', width: 8, of: (upload) => laneOf(upload) ?? '-' },
    { title: 'CODE', width: 17, of: ({ refusal }) => refusal?.code ?? '-' },
    { title: 'FILE', width: 15, of: ({ filename }) => filename },
  ])

/** An upload for programs. */
export const uploadForPrograms = (upload: UploadRecord) => ({
  id: upload.id,
  user_id: upload.userId,
  state: upload.state,
  in_state_since: inStateSince(upload).toISOString(),
  lane: laneOf(upload),
  filename: upload.filename,
  size_bytes: upload.sizeBytes,
  attempts: upload.attempt,
  code: upload.refusal?.code ?? null,
  last_fault: upload.lastFault,
  request_id: upload.requestId,
  created_at: upload.createdAt.toISOString(),
})
