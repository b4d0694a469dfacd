import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { samples } from '@airlock/testkit/samples'
import { afterAll, expect } from 'vitest'
import { Airlock } from '../../src/node.ts'
import { failureOf } from '../fake-gateway.ts'
import { directVideo, fileOf, hashOf, longVideo, partPut, putsOf, linkedTest as test } from '../real-gateway.ts'

const folder = mkdtempSync(join(tmpdir(), 'airlock-client-'))
afterAll(() => rmSync(folder, { recursive: true }))

function videoAt(name: string): { path: string; bytes: Buffer } {
  const [path, bytes] = [join(folder, name), longVideo()]
  writeFileSync(path, bytes)
  return { path, bytes }
}

test('a file becomes an asset over connections that break three times, and no byte of it passes the gateway', async ({
  client,
  linked,
  worker: _,
}) => {
  const { path, bytes } = videoAt('breaking.mp4')
  linked.link.fails(
    { request: partPut(1), kind: 'lost request', times: 1 },
    { request: partPut(2), kind: 'lost answer', times: 1 },
    { request: partPut(3), kind: { error: 'SlowDown', status: 503 }, times: 1 },
  )
  const airlock = new Airlock({ baseUrl: linked.url, token: () => client.token(), retry: { firstMs: 20 } })

  const asset = await airlock.upload(path, directVideo)

  expect(asset).toMatchObject({ original_filename: 'breaking.mp4', size_bytes: bytes.length, content_hash: hashOf(bytes) })
  expect(putsOf(linked.link).toSorted()).toEqual([1, 1, 2, 2, 3, 3])
  await airlock.assets.delete(asset.asset_id)
})

test('a small file goes to the bucket by the same call, and a refused one is an error', async ({ airlock, worker: _ }) => {
  const asset = await airlock.upload(fileOf(samples.logo), { assetType: 'brand_image', door: 'direct', metadata: { order: 1 } })
  expect(asset).toMatchObject({ content_hash: hashOf(samples.logo.bytes), metadata: { order: 1 } })

  expect(await failureOf(airlock.upload(fileOf(samples.pictureNamedVideo), directVideo))).toMatchObject({ code: 'type_mismatch' })
  expect(await failureOf(airlock.upload(new File([], 'empty.mp4'), directVideo))).toMatchObject({ code: 'empty_file', status: 400 })
})

test('an aborted upload leaves nothing in the bucket', async ({ gateway, client, linked }) => {
  const { path } = videoAt('aborted.mp4')
  linked.link.fails({ request: partPut(3), kind: 'silence' })
  const abort = new AbortController()
  const airlock = new Airlock({ baseUrl: linked.url, token: await client.token() })
  const uploading = failureOf(airlock.upload(path, { ...directVideo, signal: abort.signal }))
  await expect.poll(() => putsOf(linked.link).length, { timeout: 20_000 }).toBe(3)

  abort.abort()

  expect(await uploading).toMatchObject({ code: 'aborted' })
  expect(await gateway.uploads(client.id)).toMatchObject([{ state: 'abandoned', error_code: 'cancelled' }])
})
