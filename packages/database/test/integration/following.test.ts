import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { test } from '../database-test.ts'
import { claim, claimed, goodFile, lapse, newUpload, plenty, promoted, received } from '../samples.ts'

test('the version of an upload increases with each move, and only then', async ({ database, sql }) => {
  const upload = newUpload()
  const version = async () => (await database.uploads.byId(upload.id))?.version
  await database.uploads.register(upload, plenty)
  expect(await version()).toBe(0)
  await database.uploads.accept([goodFile(upload)])
  expect(await version()).toBe(1)
  const mine = await claim(database, upload.id)
  expect(await version()).toBe(2)
  await database.uploads.renewLease(mine, 60)
  await database.uploads.giveBack(upload.id)
  expect(await version()).toBe(2)
  await lapse(sql, upload.id)
  const next = await claim(database, upload.id)
  expect(await version(), 'a claim after an expired one is a move too').toBe(3)
  await database.uploads.complete(next, { mediaType: 'image/png', facts: {} })
  expect(await version()).toBe(4)
})

test('metadata and actor are stored with upload and asset', async ({ database }) => {
  const clientMetadata = { order: 'A-1', größe: 1e21, tiny: 5e-324, ok: true, none: null, nested: { deep: ['x'] }, '': '\u2028"\\' }
  const actedBy = randomUUID()
  const asset = await promoted(database, {}, { clientMetadata, actedBy })
  expect(await database.uploads.byId(asset.uploadId ?? '')).toMatchObject({ clientMetadata, actedBy })
  expect(asset.metadata).toEqual({ content_hash: expect.any(String), source: 'form', facts: { width: 640 }, client: clientMetadata })
})

test('without metadata, upload and asset have none', async ({ database }) => {
  const asset = await promoted(database)
  expect(await database.uploads.byId(asset.uploadId ?? '')).toMatchObject({ clientMetadata: null, actedBy: null })
  expect(asset.metadata).not.toHaveProperty('client')
})

test('4 KiB of metadata are accepted, whatever their characters', async ({ database }) => {
  const numbers = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`${i}`, -1.5e300]))
  const text = { text: '😀'.repeat(1000) }
  for (const clientMetadata of [numbers, text]) {
    const asset = await promoted(database, {}, { clientMetadata })
    expect(asset.metadata?.client).toEqual(clientMetadata)
  }
})

const refusedMetadata = [
  { what: 'is not an object', clientMetadata: [1, 2] },
  { what: 'is far too large', clientMetadata: { text: 'x'.repeat(40_000) } },
]
test.for(refusedMetadata)('metadata that $what is refused by the table', async ({ clientMetadata }, { database, expect }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  const accepting = database.uploads.accept([goodFile(upload, { clientMetadata: clientMetadata as Record<string, unknown> })])
  await expect(accepting).rejects.toMatchObject({ driverError: { constraint: 'uploads_client_metadata_is_small' } })
})

test('several uploads are found in one call, in the requested order', async ({ database }) => {
  const [first, second] = [await received(database), await claimed(database)]
  const records = await database.uploads.byIds([second.uploadId.toUpperCase(), randomUUID(), first.id])
  expect(records).toMatchObject([
    { id: second.uploadId, state: 'processing', version: 2 },
    { id: first.id, state: 'received', sizeBytes: 4321 },
  ])
  expect(await database.uploads.byIds([])).toEqual([])
})

test('more than a hundred uploads per call are an error', async ({ database }) => {
  await expect(database.uploads.byIds(Array.from({ length: 101 }, () => randomUUID()))).rejects.toThrow(RangeError)
})
