import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Credentials, type S3StoreOptions, s3ObjectStore } from '@airlock/storage'
import { expect, onTestFinished, test, vi } from 'vitest'

const hourMs = 3_600_000

function storeWith(changed: Partial<S3StoreOptions>) {
  const store = s3ObjectStore({
    bucket: 'zapcut-dev',
    region: 'eu-central-1',
    forcePathStyle: false,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    encryption: 'AES256',
    checksums: 'when_supported',
    callTimeoutMs: 1_000,
    multipartCopyFromBytes: 1,
    serverSideCopy: true,
    ...changed,
  })
  onTestFinished(() => store.close())
  return store
}

test('without an endpoint the URL names Amazon S3', async () => {
  const { url } = await storeWith({}).presign('final/a b.png', { expiresInSeconds: 60 })

  expect(url).toMatch(/^https:\/\/zapcut-dev\.s3\.eu-central-1\.amazonaws\.com\/final\/a%20b\.png\?/)
})

test('the URL names the public endpoint, where clients reach the store by another name', async () => {
  const store = storeWith({ endpoint: 'http://s3.internal:8333', publicEndpoint: 'https://files.example.com', forcePathStyle: true })

  const { url } = await store.presign('final/a.png', { expiresInSeconds: 60 })

  expect(url).toMatch(/^https:\/\/files\.example\.com\/zapcut-dev\/final\/a\.png\?/)
})

test('nothing but the key, the time and the name is signed into the URL', async () => {
  const { url } = await storeWith({}).presign('final/a.png', { expiresInSeconds: 90, filename: 'ä.png' })

  const { searchParams } = new URL(url)
  expect(searchParams.get('X-Amz-Expires')).toBe('90')
  expect(searchParams.get('X-Amz-SignedHeaders')).toBe('host')
  expect(searchParams.get('response-content-disposition')).toBe(`attachment; filename="_.png"; filename*=UTF-8''%C3%A4.png`)
  expect([...searchParams.keys()].filter((name) => /checksum/i.test(name))).toEqual([])
})

test('a disposition alone is enough', async () => {
  const { url } = await storeWith({}).presign('final/a.png', { expiresInSeconds: 60, disposition: 'inline' })

  expect(new URL(url).searchParams.get('response-content-disposition')).toBe('inline')
})

test('the time told is the time signed', async () => {
  const { url, expiresAt } = await storeWith({}).presign('final/a.png', { expiresInSeconds: 3600 })

  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(new URL(url).searchParams.get('X-Amz-Date') ?? '') ?? []
  const signed = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  expect(expiresAt.getTime()).toBe(signed + hourMs)
})

test('credentials that end sooner take the URL with them', async () => {
  const expiration = new Date(Date.now() + hourMs)
  const temporary: Credentials = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token', expiration }
  const store = storeWith({ credentials: async () => temporary })

  expect((await store.presign('final/a.png', { expiresInSeconds: 86_400 })).expiresAt).toEqual(expiration)
  expect((await store.presign('final/a.png', { expiresInSeconds: 60 })).expiresAt.getTime()).toBeLessThan(Date.now() + 61_000)
  expect((await store.presign('final/a.png', { expiresInSeconds: 60 })).url).toContain('X-Amz-Security-Token=token')
})

test("a task's role takes the URL with it when its credentials end, found by the SDK's own chain", async () => {
  const expiration = new Date(Math.floor(Date.now() / 1000) * 1000 + hourMs)
  const role = { AccessKeyId: 'ASIAROLE', SecretAccessKey: 'secret', Token: 'token-of-the-role', Expiration: expiration.toISOString() }
  const agent = createServer((_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify(role)))
  await once(agent.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void agent.close())
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${(agent.address() as AddressInfo).port}/role`)
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined)
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere')
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere')
  onTestFinished(() => void vi.unstubAllEnvs())

  const { url, expiresAt } = await storeWith({ credentials: undefined }).presign('final/a.png', { expiresInSeconds: 86_400 })

  expect(expiresAt).toEqual(expiration)
  expect(new URL(url).searchParams.get('X-Amz-Credential')).toMatch(/^ASIAROLE\//)
  expect(new URL(url).searchParams.get('X-Amz-Security-Token')).toBe('token-of-the-role')
})

test.for([0, -1, 1.5, 604_801, Number.NaN])('a life of %s seconds is refused', async (expiresInSeconds) => {
  await expect(storeWith({}).presign('final/a.png', { expiresInSeconds })).rejects.toThrow(RangeError)
})

test('a week is the longest life', async () => {
  const { url } = await storeWith({}).presign('final/a.png', { expiresInSeconds: 604_800 })

  expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('604800')
})

test('credentials that can not be had are a fault of the store, with the reason in its message', async () => {
  const store = storeWith({ credentials: () => Promise.reject(new Error('the role is gone')) })

  await expect(store.presign('final/a.png', { expiresInSeconds: 60 })).rejects.toMatchObject({
    name: 'StoreFailure',
    key: 'final/a.png',
    message: expect.stringContaining('the role is gone'),
  })
})
