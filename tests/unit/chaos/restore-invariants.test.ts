import { expect, test } from 'vitest'
import { type OlderBucket, type OlderDatabase, olderBucketLosesNothing, olderDatabaseLosesNothing } from '../../chaos/restore-invariants.ts'
import type { AssetRow, FoundObject, UploadRow } from '../../chaos/server-contents.ts'

const asset = { id: 'asset', upload_id: 'id', s3_key: 'final', content_hash: 'hash' } as AssetRow
const upload = { id: 'id', state: 'completed', source_bucket: null, error_code: null } as UploadRow
const object = { sha256: 'hash' } as FoundObject
const byId = (...rows: UploadRow[]) => new Map(rows.map((row) => [row.id, row]))
const before = { assets: [asset], uploads: byId(upload) }

/** The asset's object is missing, and its bytes are back in quarantine, beside an object that had been removed. */
const bucket: OlderBucket = {
  before,
  assets: [asset],
  missing: [asset],
  lastCopies: new Map([['quarantine/id', asset]]),
  left: new Map([['quarantine/id', object]]),
  back: ['quarantine/id', 'quarantine/removed'],
  keys: new Set(['quarantine/id']),
  alerted: new Set(['vanished', 'lastCopy']),
}

test('an older bucket without losses violates no guarantee', () => {
  expect(olderBucketLosesNothing(bucket)).toEqual([])
})

const bucketViolations: [string, Partial<OlderBucket>][] = [
  ['a row of an asset that is gone', { assets: [] }],
  ['a last copy that is gone', { left: new Map(), keys: new Set() }],
  ['a last copy with other bytes', { left: new Map([['quarantine/id', { ...object, sha256: 'other' }]]) }],
  ['a removed object that is back and stays', { keys: new Set(['quarantine/id', 'quarantine/removed']) }],
  ['missing objects without an alert', { alerted: new Set(['lastCopy']) }],
  ['last copies without an alert', { alerted: new Set(['vanished']) }],
]

test.for(bucketViolations)('with an older bucket, %s is detected', ([_, found]) => {
  expect(olderBucketLosesNothing({ ...bucket, ...found })).toMatchObject([{ invariant: 'I13' }])
})

/** The asset's upload waited at the backup, became it again, and could not be cancelled; another file was accepted after the backup. */
const database: OlderDatabase = {
  before,
  waited: [{ ...upload, state: 'received' }],
  uploads: byId(upload),
  assets: [asset],
  keys: new Set(['final', 'quarantine/later']),
  later: ['quarantine/later'],
  cancels: [{ uploadId: 'id', answer: { status: 409, body: { code: 'already_completed' } } }],
  feed: { status: 410, body: null },
  alerted: new Set(['unproven']),
}
const gone = { before: { assets: [], uploads: byId(upload) }, assets: [] }
const parked = { ...upload, state: 'parked', error_code: 'upload_vanished' }
const vanished = { ...asset, id: 'deleted', upload_id: 'other', s3_key: 'deleted' }

const sound: [string, Partial<OlderDatabase>][] = [
  ['an asset that was created again', {}],
  ['an upload without an asset whose bytes are gone', { ...gone, uploads: byId(parked) }],
  ['an upload of another bucket that starts again', { ...gone, waited: [{ ...upload, source_bucket: 'renders' }] }],
  ['a deleted asset whose row is back, with an alert', { assets: [asset, vanished], alerted: new Set(['unproven', 'vanished']) }],
]

test.for(sound)('with an older database, %s violates no guarantee', ([_, found]) => {
  expect(olderDatabaseLosesNothing({ ...database, ...found })).toEqual([])
})

const databaseViolations: [string, Partial<OlderDatabase>][] = [
  ['an object that is gone', { keys: new Set(['quarantine/later']), alerted: new Set(['unproven', 'vanished']) }],
  ['an asset that was not created again', { uploads: byId(parked), assets: [] }],
  ['an upload without bytes that is not parked', { ...gone, uploads: byId({ ...upload, state: 'rejected', error_code: 'cancelled' }) }],
  ['a file without a row that is gone', { keys: new Set(['final']) }],
  ['a file without a row, and no alert', { alerted: new Set() }],
  ['a row without an object, and no alert', { assets: [asset, vanished] }],
  ['a cancellation of what had become an asset', { cancels: [{ uploadId: 'id', answer: { status: 200, body: { status: 'rejected' } } }] }],
  ['a cursor that is still accepted', { feed: { status: 200, body: { events: [] } } }],
]

test.for(databaseViolations)('with an older database, %s is detected', ([_, found]) => {
  expect(olderDatabaseLosesNothing({ ...database, ...found })).toMatchObject([{ invariant: 'I13' }])
})
