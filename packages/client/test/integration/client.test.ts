import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { refusal } from '@airlock/domain'
import { dot, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import type { Client, RunningGateway } from '../../../../apps/gateway/test/gateway.ts'
import { Airlock, AirlockError } from '../../src/node.ts'
import { failureOf } from '../fake-gateway.ts'
import { fileOf, test } from '../real-gateway.ts'

const assetType = 'brand_image'

test('a file becomes an asset with its name, hash and metadata, which is listed, read and deleted', async ({ airlock, worker: _ }) => {
  const name = `Häfen "at dusk" 100% *'() + 港.png`
  const asset = await airlock.upload(new File([new Uint8Array(dot.bytes)], name, { type: 'image/png' }), {
    assetType,
    metadata: { order: 4711 },
  })

  expect(asset).toMatchObject({
    original_filename: name,
    size_bytes: dot.bytes.length,
    content_hash: createHash('sha256').update(dot.bytes).digest('hex'),
    metadata: { order: 4711 },
  })
  expect(Buffer.from(await (await fetch(asset.presigned_url)).arrayBuffer()).equals(dot.bytes)).toBe(true)
  expect((await airlock.assets.list({ assetType })).assets.map(({ asset_id }) => asset_id)).toEqual([asset.asset_id])
  expect((await airlock.assets.presign(asset.asset_id, { expirationHours: 1, disposition: 'inline' })).presigned_url).toContain('http')
  await airlock.assets.delete(asset.asset_id)
  expect(await failureOf(airlock.assets.presign(asset.asset_id))).toMatchObject({ code: 'asset_not_found', status: 404 })
})

test('many files that are uploaded at once all become assets', async ({ airlock, worker: _ }) => {
  const uploads = Array.from({ length: 25 }, (_, i) => airlock.upload(fileOf({ ...dot, filename: `${i}.png` }), { assetType }))
  const names = (await Promise.all(uploads)).map(({ original_filename }) => original_filename)
  expect(names).toEqual(Array.from({ length: 25 }, (_, i) => `${i}.png`))
})

test('a refused and a rejected file are errors with their reasons', async ({ gateway, client, airlock }) => {
  const empty = await failureOf(airlock.upload(new File([], 'empty.png'), { assetType }))
  expect(empty).toBeInstanceOf(AirlockError)
  expect(empty).toMatchObject({ code: 'empty_file', status: 400, requestId: expect.any(String) })
  expect(await failureOf(airlock.upload(fileOf(samples.pictureNamedVideo), { assetType }))).toMatchObject({ code: 'extension_not_allowed' })
  expect(await failureOf(airlock.upload(fileOf(dot), { assetType: 'generated_video' }))).toMatchObject({ code: 'field_missing' })

  const uploading = failureOf(airlock.upload(fileOf(dot), { assetType }))
  const id = await received(gateway, client)
  await gateway.database.uploads.cancel(id, refusal('cancelled_by_operator', { filename: dot.filename }))
  expect(await uploading).toMatchObject({ code: 'cancelled_by_operator', jobId: id, status: undefined })
  await gateway.store.purge(`quarantine/${id}`)
})

/** Waits until an upload of the user is accepted. */
async function received(gateway: RunningGateway, client: Client): Promise<string> {
  const last = async () => (await gateway.uploads(client.id)).at(-1)
  await expect.poll(async () => (await last())?.state, { timeout: 20_000 }).toBe('received')
  return (await last())?.id ?? ''
}

test('an upload that is aborted after it was accepted is cancelled', async ({ gateway, client, airlock }) => {
  const abort = new AbortController()
  const uploading = failureOf(airlock.upload(fileOf(dot), { assetType, signal: abort.signal }))
  const id = await received(gateway, client)
  await expect.poll(async () => (await airlock.jobs.list({ status: 'queued' })).jobs.length).toBe(1)
  await wait(100)
  abort.abort()

  expect(await uploading).toMatchObject({ code: 'aborted', jobId: id })
  expect(await airlock.jobs.get(id)).toMatchObject({ status: 'rejected', error: { code: 'cancelled' } })
  await gateway.store.purge(`quarantine/${id}`) // as the worker does
})

test('an upload that is called again with its own key is the same asset', async ({ airlock, worker: _ }) => {
  const options = { assetType, idempotencyKey: 'order-4711' } as const
  const [first, second] = [await airlock.upload(fileOf(dot), options), await airlock.upload(fileOf(dot), options)]
  expect(second.asset_id).toBe(first.asset_id)
})

test('a token that has expired is an error, unless a function returns a new one', async ({ gateway, client, worker: _ }) => {
  const expired = await client.token({ hours: -1 })
  const airlock = new Airlock({ baseUrl: gateway.url, token: expired })
  expect(await failureOf(airlock.upload(fileOf(dot), { assetType }))).toMatchObject({ code: 'token_expired', status: 401 })

  const renewing = new Airlock({ baseUrl: gateway.url, token: ({ refresh }) => (refresh ? client.token() : expired) })
  expect(await renewing.upload(fileOf(dot), { assetType })).toMatchObject({ size_bytes: dot.bytes.length })
})

test('the pictures of a brand are set and read', async ({ airlock, worker: _ }) => {
  const brandId = '0198c0de-0000-7000-8000-0000000000bb'
  const assets = await Promise.all(['a.png', 'b.png'].map((filename) => airlock.upload(fileOf({ ...dot, filename }), { assetType })))
  const ids = assets.map(({ asset_id }) => asset_id)
  expect((await airlock.brands.setProductImages(brandId, ids)).product_images.map(({ asset_id }) => asset_id)).toEqual(ids)
  expect((await airlock.brands.productImages(brandId)).product_images).toHaveLength(2)
  expect(await failureOf(airlock.assets.delete(ids[0] ?? ''))).toMatchObject({ code: 'asset_in_use' })
  await airlock.assets.delete(ids[0] ?? '', { force: true })
})

const examples = new URL('../../examples/', import.meta.url).pathname

const run = (name: string, env: Record<string, string>, args: string[] = []) =>
  promisify(execFile)(process.execPath, [join(examples, name), ...args], { env: { ...process.env, ...env }, timeout: 60_000 })

test('the examples for Node upload, report a refused file, list, read and delete', async ({ gateway, client, worker: _ }) => {
  const env = { AIRLOCK_URL: gateway.url, AIRLOCK_TOKEN: await client.token() }
  const folder = mkdtempSync(join(tmpdir(), 'airlock-client-'))
  writeFileSync(join(folder, 'dot.png'), dot.bytes)
  writeFileSync(join(folder, 'empty.png'), '')

  expect((await run('upload-file.ts', env, [join(folder, 'dot.png')])).stdout).toMatch(/^asset [\da-f-]{36}, \d+ bytes\n$/)
  expect((await run('upload-file.ts', env, [join(folder, 'empty.png')])).stdout).toBe("empty_file: File 'empty.png' has 0 bytes.\n")
  expect((await run('list-and-delete.ts', env)).stdout).toBe('dot.png 200\n')
  rmSync(folder, { recursive: true })
})
