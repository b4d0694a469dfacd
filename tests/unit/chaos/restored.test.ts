import { expect, test } from 'vitest'
import type { AssetRow, FoundObject, UploadRow } from '../../chaos/facts.ts'
import { type OlderBucket, type OlderDatabase, olderBucketCostsNothing, olderDatabaseCostsNothing } from '../../chaos/restored.ts'

const asset = { id: 'asset', upload_id: 'id', s3_key: 'final', content_hash: 'hash' } as AssetRow
const upload = { id: 'id', state: 'completed', source_bucket: null, error_code: null } as UploadRow
const object = { sha256: 'hash' } as FoundObject
const byId = (...rows: UploadRow[]) => new Map(rows.map((row) => [row.id, row]))
const before = { assets: [asset], uploads: byId(upload) }

/** The asset's object is missing, and its bytes are back in quarantine, beside those of something that is over. */
const bucket: OlderBucket = {
  before,
  assets: [asset],
  missing: [asset],
  lastCopies: new Map([['quarantine/id', asset]]),
  left: new Map([['quarantine/id', object]]),
  back: ['quarantine/id', 'quarantine/over'],
  keys: new Set(['quarantine/id']),
  alerted: new Set(['vanished', 'lastCopy']),
}

test('an older bucket without losses violates no guarantee', () => {
  expect(olderBucketCostsNothing(bucket)).toEqual([])
})

const bucketBreaches: [string, Partial<OlderBucket>][] = [
  ['a row of an asset that is gone', { assets: [] }],
  ['a last copy that is gone', { left: new Map(), keys: new Set() }],
  ['a last copy with other bytes', { left: new Map([['quarantine/id', { ...object, sha256: 'other' }]]) }],
  ['something that is over and stays', { keys: new Set(['quarantine/id', 'quarantine/over']) }],
  ['missing objects without an alert', { alerted: new Set(['lastCopy']) }],
  ['last copies without an alert', { alerted: new Set(['vanished']) }],
]

test.for(bucketBreaches)('with an older bucket, %s is detected', ([_, found]) => {
  expect(olderBucketCostsNothing({ ...bucket, ...found })).toMatchObject([{ invariant: 'I13' }])
})

/** The asset's upload waited at the backup, became it again, and could not be cancelled; another file was accepted after the backup. */
const database: OlderDatabase = {
  before,
  waited: [{ ...upload, state: 'received' }],
  uploads: byId(upload),
  assets: [asset],
  keys: new Set(['final', 'quarantine/forgotten']),
  objects: new Map(),
  forgotten: ['quarantine/forgotten'],
  cancels: [{ uploadId: 'id', answer: { status: 409, body: { code: 'already_completed' } } }],
  feed: { status: 410, body: null },
  alerted: new Set(['unproven']),
}
const gone = { before: { assets: [], uploads: byId(upload) }, assets: [] }
const parked = { ...upload, state: 'parked', error_code: 'upload_vanished' }
const vanished = { ...asset, id: 'deleted', upload_id: 'other', s3_key: 'deleted' }

const sound: [string, Partial<OlderDatabase>][] = [
  ['an asset that was made again', {}],
  ['an upload without an asset whose bytes are gone', { ...gone, uploads: byId(parked) }],
  ['an upload of another bucket that begins anew', { ...gone, waited: [{ ...upload, source_bucket: 'renders' }] }],
  ['a deleted asset whose row is back, with an alert', { assets: [asset, vanished], alerted: new Set(['unproven', 'vanished']) }],
]

test.for(sound)('with an older database, %s violates no guarantee', ([_, found]) => {
  expect(olderDatabaseCostsNothing({ ...database, ...found })).toEqual([])
})

const databaseBreaches: [string, Partial<OlderDatabase>][] = [
  ['an object that is gone', { keys: new Set(['quarantine/forgotten']), alerted: new Set(['unproven', 'vanished']) }],
  ['an asset that was not made again', { uploads: byId(parked), assets: [] }],
  ['an upload without bytes that is not parked', { ...gone, uploads: byId({ ...upload, state: 'rejected', error_code: 'cancelled' }) }],
  ['a file without a row that is gone', { keys: new Set(['final']) }],
  ['a file without a row, and no alert', { alerted: new Set() }],
  ['a row without an object, and no alert', { assets: [asset, vanished] }],
  ['a cancellation of what had become an asset', { cancels: [{ uploadId: 'id', answer: { status: 200, body: { status: 'rejected' } } }] }],
  ['a cursor that is read on', { feed: { status: 200, body: { events: [] } } }],
]

test.for(databaseBreaches)('with an older database, %s is detected', ([_, found]) => {
  expect(olderDatabaseCostsNothing({ ...database, ...found })).toMatchObject([{ invariant: 'I13' }])
})
