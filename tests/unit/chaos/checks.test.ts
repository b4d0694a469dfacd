import { expect, test } from 'vitest'
import type { Told } from '../../chaos/consumer.ts'
import type { Breach, Evidence } from '../../chaos/evidence.ts'
import type { AssetRow, FoundObject, UploadRow } from '../../chaos/facts.ts'
import type { SentFile } from '../../chaos/history.ts'
import {
  acknowledgedIsFinal,
  assetsHaveObjects,
  atMostOneAsset,
  everyEventIsDelivered,
  everythingIsTold,
  nobodyBeyondTheLimit,
  nobodyIsRefusedWrongly,
  nothingBadIsFinal,
  nothingIsLeft,
  objectsHaveRows,
} from '../../chaos/judges.ts'

const file: SentFile = {
  name: 'c1-1.png',
  userId: 'user',
  assetType: 'brand_image',
  mediaType: 'image/png',
  sizeBytes: 10,
  sha256: 'good hash',
  expected: 'completed',
  idempotencyKey: null,
}
const row: UploadRow = {
  id: 'id',
  user_id: 'user',
  state: 'completed',
  door: 'form',
  original_filename: file.name,
  quarantine_key: 'quarantine/id',
  source_bucket: null,
  final_key: 'brand-images/id',
  size_bytes: '10',
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
  asset_type: 'brand_image',
  content_hash: file.sha256,
}
const object: FoundObject = {
  key: 'brand-images/id',
  sizeBytes: 10,
  sha256: file.sha256,
  contentType: 'image/png',
  cacheControl: 'public, max-age=31536000, immutable',
  encryption: 'AES256',
  metadata: { upload_id: 'id', content_hash: file.sha256, uploaded_by: 'user', asset_type: 'brand_image' },
}

const told = (type: string, sequence = 1, given: Partial<Told['data']> = {}): Told => ({
  type,
  data: { event_id: `${type} ${sequence}`, upload_id: 'id', sequence, user_id: 'user', ...given },
})

/** What the feed should tell of these rows. */
const toldOf = (rows: UploadRow[], assets: AssetRow[]): Told[] =>
  rows
    .filter(({ state }) => ['completed', 'rejected', 'parked'].includes(state))
    .flatMap(({ id, state, user_id }) => {
      const of = { upload_id: id, user_id }
      const hasAsset = assets.some(({ upload_id }) => upload_id === id)
      const end = told(`upload.${state}`, 1, { ...of, event_id: `${id} ends` })
      return state === 'completed' && !hasAsset ? [end, told('asset.deleted', 2, { ...of, event_id: `${id} goes` })] : [end]
    })

interface World {
  rows?: UploadRow[]
  assets?: AssetRow[]
  objects?: FoundObject[]
  sent?: SentFile
  given?: Partial<Evidence> & { refusals?: Record<string, object[]> }
}

/** One file that was sent, acknowledged and promoted, except where a test says otherwise. */
const evidence = ({ rows = [row], assets = [asset], objects = [object], sent = file, given = {} }: World = {}): Evidence =>
  ({
    uploads: new Map(rows.map((one) => [one.id, one])),
    assets,
    objects: new Map(objects.map((one) => [one.key, one])),
    sent: new Map([[sent.name, sent]]),
    history: {
      all: (event: string) => (event === 'rendered' ? [{ key: 'cut.mp4', sha256: 'hash of a cut' }] : (given.refusals?.[event] ?? [])),
    },
    rendered: new Map([['cut.mp4', 'hash of a cut']]),
    acknowledged: new Map([['id', sent.name]]),
    asked: new Set(),
    cancelled: new Set(),
    deleted: new Set(),
    aged: new Set(),
    useAsked: new Set(),
    used: new Set(),
    deletedUsers: new Map(),
    badHashes: new Set(['bad hash']),
    feed: toldOf(rows, assets),
    heard: given.feed ?? toldOf(rows, assets),
    delivered: new Set((given.feed ?? toldOf(rows, assets)).map(({ data }) => data.event_id)),
    filesPerHour: 2,
    unsettled: { receiving: 0, pending: 0, purges: 0, events: 0, unused: 0, deliveries: 0, quarantined: [], openUploads: [], jobs: 0 },
    ...given,
  }) as unknown as Evidence

const all = (given: Evidence): Breach[] =>
  [
    acknowledgedIsFinal,
    atMostOneAsset,
    assetsHaveObjects,
    objectsHaveRows,
    nothingIsLeft,
    nothingBadIsFinal,
    nobodyBeyondTheLimit,
    everythingIsTold,
    nobodyIsRefusedWrongly,
    everyEventIsDelivered,
  ].flatMap((check) => check(given))

const rejected: UploadRow = { ...row, state: 'rejected', error_code: 'file_corrupt' }
const gone = { assets: [], objects: [] }
const cancelledRow: UploadRow = { ...rejected, error_code: 'cancelled' }

const sound: [string, World][] = [
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
  ['a deletion whose answer got lost', { ...gone, given: { asked: new Set(['id']) } }],
  ['an asset that nobody used for too long', { ...gone, given: { aged: new Set(['id']) } }],
  ['an asset that went while its owner asked for it', { ...gone, given: { aged: new Set(['id']), useAsked: new Set(['id']) } }],
  ['an old asset that was used', { given: { aged: new Set(['id']), useAsked: new Set(['id']), used: new Set(['id']) } }],
  ['an asset that went with its user', { ...gone, given: { deletedUsers: new Map([['user', new Date(2000)]]) } }],
  [
    'an upload that was on its way when its user was deleted',
    { rows: [{ ...rejected, error_code: 'unknown_user' }], ...gone, given: { deletedUsers: new Map([['user', new Date(2000)]]) } },
  ],
  ['a user who came again after the deletion', { given: { deletedUsers: new Map([['user', new Date(500)]]) } }],
  ['an expensive file that was read', { sent: { ...file, expensive: true } }],
  [
    'an expensive file that could not be read in three tries',
    { rows: [{ ...rejected, error_code: 'file_too_complex', failed_inspections: 2 }], ...gone, sent: { ...file, expensive: true } },
  ],
]

test.for(sound)('%s violates no guarantee', ([_, world]) => {
  expect(all(evidence(world))).toEqual([])
})

const deletion = { asked: new Set(['id']), deleted: new Set(['id']) }

const broken: [Breach['invariant'], string, World][] = [
  ['I1', 'an acknowledged file without a row', { rows: [], ...gone }],
  ['I1', 'an acknowledged file that waits', { rows: [{ ...row, state: 'received' }], ...gone }],
  ['I1', 'a good file that was rejected', { rows: [rejected], ...gone }],
  ['I1', 'a good file that was given up by us', { rows: [{ ...row, state: 'abandoned' }], ...gone }],
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
  ['I1', 'a file of an unknown user whom nobody deleted', { rows: [{ ...rejected, error_code: 'unknown_user' }], ...gone }],
  [
    'I1',
    'a file that is no expensive one and too complex',
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
  ['I1', "somebody else's row", { rows: [{ ...row, user_id: 'other' }] }],
  ['I2', 'two assets of one upload', { assets: [asset, { ...asset, id: 'second' }] }],
  ['I2', 'an asset of a rejected upload', { rows: [rejected] }],
  ['I2', 'one file accepted twice', { rows: [row, { ...row, id: 'second' }] }],
  ['I3', 'an asset without its object', { objects: [] }],
  ['I3', 'an asset with other bytes', { objects: [{ ...object, sha256: 'other' }] }],
  ['I3', 'an object without encryption', { objects: [{ ...object, encryption: null }] }],
  ['I3', 'an object with another cache policy', { objects: [{ ...object, cacheControl: null }] }],
  ['I4', "an object of somebody else's bucket that is gone", { given: { rendered: new Map() } }],
  ['I4', "an object of somebody else's bucket with other bytes", { given: { rendered: new Map([['cut.mp4', 'other']]) } }],
  ['I4', 'an object without a row', { objects: [object, { ...object, key: 'brand-images/stray' }] }],
  ['I5', 'a video left in the inbox', { given: { unsettled: { ...evidence().unsettled, quarantined: ['pipeline-inbox/p/id.mp4'] } } }],
  ['I5', 'an object left in quarantine', { given: { unsettled: { ...evidence().unsettled, quarantined: ['quarantine/id'] } } }],
  ['I5', 'an open multipart upload', { given: { unsettled: { ...evidence().unsettled, openUploads: ['quarantine/x'] } } }],
  ['I5', 'a row that still says receiving', { rows: [row, { ...row, id: 'second', state: 'receiving' }] }],
  ['I5', 'a job left in Redis', { given: { unsettled: { ...evidence().unsettled, jobs: 1 } } }],
  ['I7', 'bad bytes under a final prefix', { objects: [{ ...object, sha256: 'bad hash' }] }],
  ['I8', 'a user beyond the limit', { rows: [row, { ...row, id: '2' }, { ...row, id: '3', state: 'abandoned' }] }],
  ['I9', 'an upload that ended, and nobody is told', { given: { feed: [] } }],
  ['I9', 'an end that is told twice', { given: { feed: [told('upload.completed'), told('upload.completed', 2)] } }],
  ['I9', 'an end that is another one', { given: { feed: [told('upload.rejected')] } }],
  ['I9', 'an end of somebody else', { given: { feed: [told('upload.completed', 1, { user_id: 'other' })] } }],
  ['I9', 'a number that is left out', { given: { feed: [told('upload.parked'), told('upload.completed', 3)] } }],
  ['I9', 'events of an upload in another order', { given: { feed: [told('upload.completed', 2), told('upload.parked', 1)] } }],
  ['I9', 'an asset that is there, and told to be gone', { given: { feed: [told('upload.completed'), told('asset.deleted', 2)] } }],
  ['I9', 'an asset that is gone, and nobody is told', { ...gone, given: { ...deletion, feed: [told('upload.completed')] } }],
  ['I9', 'a parked upload that is not told', { rows: [{ ...row, state: 'parked' }], ...gone, given: { feed: [] } }],
  ['I9', 'an event of nobody', { given: { feed: [...toldOf([row], [asset]), told('upload.completed', 1, { upload_id: 'x' })] } }],
  ['I9', 'an event that was hidden from who read all the while', { given: { heard: [] } }],
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
  ['I11', 'a message that is no event', { given: { delivered: new Set(['upload.completed', 'x']) } }],
  ['I5', 'a webhook left', { given: { unsettled: { ...evidence().unsettled, deliveries: 1 } } }],
  ['I9', 'an event that was heard twice', { given: { heard: [...toldOf([row], [asset]), ...toldOf([row], [asset])] } }],
]

test.for(broken)('%s: %s is detected', ([invariant, _, world]) => {
  expect(all(evidence(world)).map((breach) => breach.invariant)).toContain(invariant)
})
