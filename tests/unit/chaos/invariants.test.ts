import { expect, test } from 'vitest'
import type { FeedEvent } from '../../chaos/consumer.ts'
import type { Evidence, Violation } from '../../chaos/evidence.ts'
import type { SentFile } from '../../chaos/history.ts'
import { violationsIn } from '../../chaos/invariants.ts'
import type { AssetRow, FoundObject, UploadRow } from '../../chaos/server-contents.ts'

const file: SentFile = {
  name: 'c1-1.png',
  userId: 'user',
  assetType: 'brand_image',
  mediaType: 'image/png',
  sizeBytes: 10,
  sha256: 'good hash',
  expected: 'completed',
}
const row: UploadRow = {
  id: 'id',
  user_id: 'user',
  state: 'completed',
  door: 'form',
  original_filename: file.name,
  quarantine_key: 'quarantine/id',
  source_bucket: null,
  counted: true,
  created_at: new Date(1000),
  failed_inspections: 0,
  attempt: 1,
  error_code: null,
  last_fault: null,
}
const asset: AssetRow = {
  id: 'asset',
  user_id: 'user',
  upload_id: 'id',
  s3_key: 'brand-images/id',
  file_size: '10',
  mime_type: 'image/png',
  content_hash: file.sha256,
}
const object: FoundObject = {
  key: 'brand-images/id',
  sizeBytes: 10,
  sha256: file.sha256,
  ContentType: 'image/png',
  CacheControl: 'public, max-age=31536000, immutable',
  ServerSideEncryption: 'AES256',
  Metadata: { upload_id: 'id', content_hash: file.sha256, uploaded_by: 'user', asset_type: 'brand_image' },
}

const event = (type: string, sequence = 1, given: Partial<FeedEvent['data']> = {}): FeedEvent => ({
  type,
  data: { event_id: `${type} ${sequence}`, upload_id: 'id', sequence, user_id: 'user', ...given },
})

/** The events of these rows. */
const eventsOf = (rows: UploadRow[], assets: AssetRow[]): FeedEvent[] =>
  rows
    .filter(({ state }) => ['completed', 'rejected', 'parked'].includes(state))
    .flatMap(({ id, state, user_id }) => {
      const of = { upload_id: id, user_id }
      const hasAsset = assets.some(({ upload_id }) => upload_id === id)
      const end = event(`upload.${state}`, 1, { ...of, event_id: `${id} ends` })
      return state === 'completed' && !hasAsset ? [end, event('asset.deleted', 2, { ...of, event_id: `${id} goes` })] : [end]
    })

interface Scenario {
  rows?: UploadRow[]
  assets?: AssetRow[]
  objects?: FoundObject[]
  sent?: SentFile
  given?: Partial<Evidence> & { refusals?: Record<string, object[]> }
}

/** One file that was sent, acknowledged and promoted, except where a test says otherwise. */
const evidence = ({ rows = [row], assets = [asset], objects = [object], sent = file, given = {} }: Scenario = {}): Evidence =>
  ({
    uploads: new Map(rows.map((one) => [one.id, one])),
    assets,
    objects: new Map(objects.map((one) => [one.key, one])),
    sent: new Map([[sent.name, sent]]),
    history: {
      all: (event: string) => (event === 'rendered' ? [{ key: 'cut.mp4', sha256: 'hash of a cut' }] : (given.refusals?.[event] ?? [])),
    },
    rendered: new Map([['cut.mp4', { sha256: 'hash of a cut' } as FoundObject]]),
    acknowledged: new Map([['id', sent.name]]),
    asked: new Set(),
    cancelled: new Set(),
    deleted: new Set(),
    aged: new Set(),
    useAsked: new Set(),
    used: new Set(),
    deletedUsers: new Map(),
    badHashes: new Set(['bad hash']),
    feed: eventsOf(rows, assets),
    received: given.feed ?? eventsOf(rows, assets),
    delivered: new Set((given.feed ?? eventsOf(rows, assets)).map(({ data }) => data.event_id)),
    filesPerHour: 2,
    unfinished: [],
    ...given,
  }) as unknown as Evidence

const rejected: UploadRow = { ...row, state: 'rejected', error_code: 'file_corrupt' }
const gone = { assets: [], objects: [] }
const cancelledRow: UploadRow = { ...rejected, error_code: 'cancelled' }

const sound: [string, Scenario][] = [
  ['a good file that became an asset', {}],
  ['a bad file that was rejected', { rows: [rejected], ...gone, sent: { ...file, expected: 'file_corrupt' } }],
  ['a cancelled upload', { rows: [cancelledRow], ...gone, given: { asked: new Set(['id']), cancelled: new Set(['id']) } }],
  [
    'a file beyond the limit that was refused',
    {
      rows: [row, { ...row, id: '2', state: 'abandoned' }],
      given: { refusals: { refused: [{ name: file.name, code: 'file_limit_reached' }] } },
    },
  ],
  ['a deleted asset', { ...gone, given: { asked: new Set(['id']), deleted: new Set(['id']) } }],
  ['a deletion whose response was lost', { ...gone, given: { asked: new Set(['id']) } }],
  ['an asset that was not used for too long', { ...gone, given: { aged: new Set(['id']) } }],
  ['an asset that expired while its owner asked for it', { ...gone, given: { aged: new Set(['id']), useAsked: new Set(['id']) } }],
  ['an old asset whose URL was in the answer to its upload', { given: { aged: new Set(['id']), useAsked: new Set(['id']) } }],
  ['an old asset that was used', { given: { aged: new Set(['id']), useAsked: new Set(['id']), used: new Set(['id']) } }],
  ['an asset that was deleted with its user', { ...gone, given: { deletedUsers: new Map([['user', new Date(2000)]]) } }],
  [
    'an upload in progress when its user was deleted',
    { rows: [{ ...rejected, error_code: 'unknown_user' }], ...gone, given: { deletedUsers: new Map([['user', new Date(2000)]]) } },
  ],
  ['a user who returned after the deletion', { given: { deletedUsers: new Map([['user', new Date(500)]]) } }],
  ['an expensive file that was read', { sent: { ...file, expensive: true } }],
  [
    'an expensive file that could not be read in three tries',
    { rows: [{ ...rejected, error_code: 'file_too_complex', failed_inspections: 2 }], ...gone, sent: { ...file, expensive: true } },
  ],
]

test.for(sound)('%s violates no guarantee', ([_, scenario]) => {
  expect(violationsIn(evidence(scenario))).toEqual([])
})

const deletion = { asked: new Set(['id']), deleted: new Set(['id']) }

const broken: [Violation['invariant'], string, Scenario][] = [
  ['I1', 'an acknowledged file without a row', { rows: [], ...gone }],
  ['I1', 'an acknowledged file that waits', { rows: [{ ...row, state: 'received' }], ...gone }],
  ['I1', 'a good file that was rejected', { rows: [rejected], ...gone }],
  ['I1', 'a good file that was abandoned', { rows: [{ ...row, state: 'abandoned' }], ...gone }],
  ['I1', 'a completed upload whose asset is gone', gone],
  ['I1', 'a bad file that became an asset', { sent: { ...file, expected: 'file_corrupt' } }],
  [
    'I1',
    'a parked upload that was parked again by no fault',
    { rows: [{ ...row, state: 'parked' }], assets: [], objects: [{ ...object, key: 'quarantine/id' }] },
  ],
  ['I1', 'an unused asset that stays', { given: { aged: new Set(['id']) } }],
  ['I1', 'a used asset that expired', { ...gone, given: { aged: new Set(['id']), useAsked: new Set(['id']), used: new Set(['id']) } }],
  ['I1', 'an asset that outlives its user', { given: { deletedUsers: new Map([['user', new Date(2000)]]) } }],
  ['I1', 'a file of an unknown user who was not deleted', { rows: [{ ...rejected, error_code: 'unknown_user' }], ...gone }],
  [
    'I1',
    'a file that is too complex without being expensive',
    { rows: [{ ...rejected, error_code: 'file_too_complex', failed_inspections: 2 }], ...gone },
  ],
  [
    'I1',
    'an expensive file that had two tries',
    { rows: [{ ...rejected, error_code: 'file_too_complex', failed_inspections: 1 }], ...gone, sent: { ...file, expensive: true } },
  ],
  ['I1', 'a parked upload without its bytes', { rows: [{ ...row, state: 'parked' }], ...gone }],
  ['I1', 'a cancelled upload that was completed', { given: { asked: new Set(['id']), cancelled: new Set(['id']) } }],
  ['I1', 'a deleted asset that is still there', { given: { asked: new Set(['id']), deleted: new Set(['id']) } }],
  ['I1', 'a row of another user', { rows: [{ ...row, user_id: 'other' }] }],
  ['I2', 'two assets of one upload', { assets: [asset, { ...asset, id: 'second' }] }],
  ['I2', 'an asset of a rejected upload', { rows: [rejected] }],
  ['I2', 'one file accepted twice', { rows: [row, { ...row, id: 'second' }] }],
  ['I3', 'an asset without its object', { objects: [] }],
  ['I3', 'an asset with other bytes', { objects: [{ ...object, sha256: 'other' }] }],
  ['I3', 'an object without encryption', { objects: [{ ...object, ServerSideEncryption: undefined }] }],
  ['I3', 'an object with another cache policy', { objects: [{ ...object, CacheControl: undefined }] }],
  ['I4', 'an object of another bucket that is gone', { given: { rendered: new Map() } }],
  [
    'I4',
    'an object of another bucket with other bytes',
    { given: { rendered: new Map([['cut.mp4', { sha256: 'other' } as FoundObject]]) } },
  ],
  ['I4', 'an object without a row', { objects: [object, { ...object, key: 'brand-images/stray' }] }],
  [
    'I5',
    'a video left in the inbox',
    { given: { unfinished: [{ kind: 'waiting object', uploadId: 'id', key: 'pipeline-inbox/p/id.mp4' }] } },
  ],
  ['I5', 'an object left in quarantine', { given: { unfinished: [{ kind: 'waiting object', uploadId: 'id', key: 'quarantine/id' }] } }],
  ['I5', 'an open multipart upload', { given: { unfinished: [{ kind: 'multipart upload', uploadId: null, key: 'quarantine/x' }] } }],
  ['I5', 'a row that is still receiving', { given: { unfinished: [{ kind: 'receiving', uploadId: 'second' }] } }],
  ['I5', 'a job left in Redis', { given: { unfinished: [{ kind: 'job', uploadId: 'id' }] } }],
  ['I7', 'bad bytes under a final prefix', { objects: [{ ...object, sha256: 'bad hash' }] }],
  ['I8', 'a user beyond the limit', { rows: [row, { ...row, id: '2' }, { ...row, id: '3', state: 'abandoned' }] }],
  ['I9', 'an upload that ended without an event', { given: { feed: [] } }],
  ['I9', 'an end that is published twice', { given: { feed: [event('upload.completed'), event('upload.completed', 2)] } }],
  ['I9', 'the event of another end', { given: { feed: [event('upload.rejected')] } }],
  ['I9', 'an end of another user', { given: { feed: [event('upload.completed', 1, { user_id: 'other' })] } }],
  ['I9', 'a missing number', { given: { feed: [event('upload.parked'), event('upload.completed', 3)] } }],
  ['I9', 'events of an upload in another order', { given: { feed: [event('upload.completed', 2), event('upload.parked', 1)] } }],
  ['I9', 'an existing asset that is published as deleted', { given: { feed: [event('upload.completed'), event('asset.deleted', 2)] } }],
  ['I9', 'an asset that is gone without an event', { ...gone, given: { ...deletion, feed: [event('upload.completed')] } }],
  ['I9', 'a parked upload without an event', { rows: [{ ...row, state: 'parked' }], ...gone, given: { feed: [] } }],
  [
    'I9',
    'an event of an unknown upload',
    { given: { feed: [...eventsOf([row], [asset]), event('upload.completed', 1, { upload_id: 'x' })] } },
  ],
  ['I9', 'an event that a continuous reader did not get', { given: { received: [] } }],
  [
    'I10',
    'a file that was refused while the hour had room',
    { given: { refusals: { refused: [{ name: file.name, code: 'file_limit_reached' }] } } },
  ],
  [
    'I10',
    'a file that was refused while everything worked',
    { given: { refusals: { 'refused wrongly': [{ name: file.name, why: '503' }] } } },
  ],
  [
    'I10',
    'a request that was answered with 500',
    { given: { refusals: { failed: [{ what: 'POST', name: file.name, why: '500 internal_error' }] } } },
  ],
  ['I11', 'an event that was never delivered', { given: { delivered: new Set() } }],
  ['I11', 'a message that is not an event', { given: { delivered: new Set(['upload.completed', 'x']) } }],
  ['I5', 'a pending webhook delivery', { given: { unfinished: [{ kind: 'webhook delivery', uploadId: 'id' }] } }],
  ['I9', 'an event that was read twice', { given: { received: [...eventsOf([row], [asset]), ...eventsOf([row], [asset])] } }],
]

test.for(broken)('%s: %s is detected', ([invariant, _, scenario]) => {
  expect(violationsIn(evidence(scenario)).map((violation) => violation.invariant)).toContain(invariant)
})
