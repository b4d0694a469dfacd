import { type ObjectStore, type StoredObject, StoreFailure, StoreUnavailable } from '@airlock/storage'
import { expect, test } from 'vitest'
import { lookAt } from '../../src/sweep/stored-objects.ts'

const items = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `quarantine/${i}` }))
const unavailable = (key: string) => new StoreUnavailable('no response', key)

/** A store that cannot read the objects for which `fails` returns an error. */
const storeThat = (fails: (key: string) => Error | null): Pick<ObjectStore, 'head'> => ({
  head: async (key) => {
    const error = fails(String(key))
    if (error !== null) throw error
    return { etag: String(key) } as StoredObject
  },
})

test('an object that cannot be read does not affect the others of its batch', async () => {
  const looks = await lookAt(
    items(3),
    storeThat((key) => (key.endsWith('1') ? unavailable(key) : null)),
  )
  expect(looks.map(({ object, refused }) => [object?.etag, refused])).toEqual([
    ['quarantine/0', null],
    [undefined, 'no response'],
    ['quarantine/2', null],
  ])
})

test('one or two objects that cannot be read do not make the store unavailable', async () => {
  expect(await lookAt(items(2), storeThat(unavailable))).toMatchObject([{ refused: 'no response' }, { refused: 'no response' }])
})

test('the store is unavailable when no object of a batch can be read', async () => {
  await expect(lookAt(items(3), storeThat(unavailable))).rejects.toThrow(StoreUnavailable)
})

test('a missing bucket is not taken for missing objects', async () => {
  const noBucket = (key: string) => new StoreFailure('HeadObject: NoSuchBucket', key, { code: 'NoSuchBucket', status: 404 })
  await expect(lookAt(items(1), storeThat(noBucket))).rejects.toMatchObject({ code: 'NoSuchBucket' })
})
