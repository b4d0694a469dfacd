import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Credentials, type S3StoreOptions, s3ObjectStore } from '@airlock/storage'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { contentDisposition } from '../../src/s3/presign.ts'

const secondMs = 1000
const hourMs = 3_600_000

afterEach(() => void vi.useRealTimers())

/** Sets the time of `Date`; timers stay real. */
const at = (time: string | number) => vi.useFakeTimers({ toFake: ['Date'], now: new Date(time) })

/** The signing time in the URL. */
function signedAt(url: string): number {
  const date = new URL(url).searchParams.get('X-Amz-Date') ?? ''
  return Date.parse(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'))
}

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

test('without an endpoint the URL is one of Amazon S3', async () => {
  const { url } = await storeWith({}).presign('final/a b.png', { expiresInSeconds: 60 })

  expect(url).toMatch(/^https:\/\/zapcut-dev\.s3\.eu-central-1\.amazonaws\.com\/final\/a%20b\.png\?/)
})

test('the URL contains the public endpoint', async () => {
  const store = storeWith({ endpoint: 'http://s3.internal:8333', publicEndpoint: 'https://files.example.com', forcePathStyle: true })

  const { url } = await store.presign('final/a.png', { expiresInSeconds: 60 })

  expect(url).toMatch(/^https:\/\/files\.example\.com\/zapcut-dev\/final\/a\.png\?/)
})

test('the URL is signed over the key, the time and the disposition only', async () => {
  const { url } = await storeWith({}).presign('final/a.png', { expiresInSeconds: 90, filename: 'ä.png' })

  const { searchParams } = new URL(url)
  expect(searchParams.get('X-Amz-Expires')).toBe('90')
  expect(searchParams.get('X-Amz-SignedHeaders')).toBe('host')
  expect(searchParams.get('response-content-disposition')).toBe(`attachment; filename="_.png"; filename*=UTF-8''%C3%A4.png`)
  expect([...searchParams.keys()].filter((name) => /checksum/i.test(name))).toEqual([])
})

test('a URL can have a disposition without a file name', async () => {
  const { url } = await storeWith({}).presign('final/a.png', { expiresInSeconds: 60, disposition: 'inline' })

  expect(new URL(url).searchParams.get('response-content-disposition')).toBe('inline')
})

test.for([1, 2, 3, 4, 6, 24, 168])(
  'a URL of %s hours is the same for a quarter of its lifetime, at most an hour, in every process',
  async (hours) => {
    const wish = { expiresInSeconds: hours * 3600, filename: 'a.png' }
    const windowMs = Math.min(hourMs, (hours * hourMs) / 4)
    const start = Date.parse('2026-11-27T00:00:00Z') + 5 * windowMs
    const urlAt = async (time: number) => {
      at(time)
      return (await storeWith({}).presign('final/a.png', wish)).url
    }
    const url = await urlAt(start)

    expect(await urlAt(start + windowMs - 1)).toBe(url)
    expect(await urlAt(start - 1)).not.toBe(url)
    expect(await urlAt(start + windowMs)).not.toBe(url)
  },
)

test('a URL expires between three quarters of the requested lifetime and all of it, at the stated time', async () => {
  const store = storeWith({})
  for (const expiresInSeconds of [1, 2, 7, 60, 3600, 7200, 86_400, 604_800]) {
    for (let i = 0; i < 50; i += 1) {
      const now = Date.parse('2026-11-27T00:00:00Z') + Math.floor(Math.random() * 86_400_000)
      at(now)

      const { url, expiresAt } = await store.presign('final/a.png', { expiresInSeconds })

      expect(signedAt(url)).toBeLessThanOrEqual(now)
      expect(expiresAt.getTime()).toBe(signedAt(url) + Number(new URL(url).searchParams.get('X-Amz-Expires')) * secondMs)
      expect(expiresAt.getTime()).toBeLessThanOrEqual(now + expiresInSeconds * secondMs)
      expect(expiresAt.getTime()).toBeGreaterThan(now + Math.min(expiresInSeconds - 1, (expiresInSeconds * 3) / 4) * secondMs)
    }
  }
})

test('two gateways with different clocks return the same URL, except around the end of a window', async () => {
  const aheadMs = 5 * secondMs
  const urlAt = async (time: string, differenceMs = 0) => {
    at(Date.parse(time) + differenceMs)
    return (await storeWith({}).presign('final/a.png', { expiresInSeconds: 86_400 })).url
  }
  for (const time of ['2026-11-27T12:00:00Z', '2026-11-27T12:30:00Z', '2026-11-27T12:59:54Z'])
    expect(await urlAt(time, aheadMs)).toBe(await urlAt(time))

  const early = await urlAt('2026-11-27T12:59:57Z', aheadMs)
  expect(early).not.toBe(await urlAt('2026-11-27T12:59:57Z'))
  expect(signedAt(early)).toBe(Date.parse('2026-11-27T13:00:00Z')) // ahead only by the error of the clock
})

const places: { what: string; options: Partial<S3StoreOptions> }[] = [
  { what: 'Amazon S3', options: {} },
  { what: 'Amazon S3 in China', options: { region: 'cn-north-1' } },
  { what: 'a bucket with dots', options: { bucket: 'files.example.com' } },
  { what: 'a self-hosted store', options: { endpoint: 'http://127.0.0.1:8333', forcePathStyle: true } },
  { what: 'a store under a path', options: { endpoint: 'https://example.com:8443/s3', forcePathStyle: true } },
]
test.for(places)("a URL of $what equals the SDK's, whatever key and name", async ({ options }) => {
  const { endpoint, ...rest } = { bucket: 'zapcut-dev', region: 'eu-central-1', forcePathStyle: false, ...options }
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'a+b/c==' }
  const unchecked = { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' } as const
  const sdk = new S3Client({ ...rest, ...(endpoint && { endpoint }), credentials, ...unchecked })
  onTestFinished(() => sdk.destroy())
  const store = storeWith({ ...options, credentials: async () => credentials })
  at('2026-11-27T12:00:00Z')
  const names = ['a b.png', "it's (1)! *.png", 'Grüße & Söhne.png', '写真.png', 'a//b+c=d%20.png', '~_-.png', '"quoted";.png']
  for (const key of names) {
    for (const filename of [undefined, ...names]) {
      const { url } = await store.presign(`final/${key}`, { expiresInSeconds: 3600, filename })
      const command = new GetObjectCommand({
        Bucket: rest.bucket,
        Key: `final/${key}`,
        ...(filename !== undefined && { ResponseContentDisposition: contentDisposition('attachment', filename) }),
      })
      expect(partsOf(url)).toEqual(partsOf(await getSignedUrl(sdk, command, { expiresIn: 3600 })))
    }
  }
})

const partsOf = (url: string) => {
  const [address, query = ''] = url.split('?')
  return [address, ...query.split('&').sort()]
}

test('a URL expires with its credentials', async () => {
  const expiration = new Date(Date.now() + hourMs / 2)
  const temporary: Credentials = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token', expiration }
  const store = storeWith({ credentials: async () => temporary })

  expect((await store.presign('final/a.png', { expiresInSeconds: 86_400 })).expiresAt).toEqual(expiration)
  expect((await store.presign('final/a.png', { expiresInSeconds: 60 })).expiresAt.getTime()).toBeLessThan(Date.now() + 61_000)
  expect((await store.presign('final/a.png', { expiresInSeconds: 60 })).url).toContain('X-Amz-Security-Token=token')
})

test('other credentials result in another URL and expiry', async () => {
  const endingAt = (accessKeyId: string, time: string): Credentials => ({
    accessKeyId,
    secretAccessKey: 'secret',
    sessionToken: `token of ${accessKeyId}`,
    expiration: new Date(time),
  })
  const first = endingAt('ASIAFIRST', '2026-11-27T12:30:00Z')
  const second = endingAt('ASIASECOND', '2026-11-27T18:00:00Z')
  const isNearlyOver = ({ expiration }: Credentials) => Number(expiration) - Date.now() < 600 * secondMs
  const store = storeWith({ credentials: async () => (isNearlyOver(first) ? second : first) })
  const askAt = (time: string) => {
    at(time)
    return store.presign('final/a.png', { expiresInSeconds: 86_400 })
  }

  expect(await askAt('2026-11-27T12:00:00Z')).toMatchObject({ url: expect.stringContaining('ASIAFIRST'), expiresAt: first.expiration })
  expect(await askAt('2026-11-27T12:29:00Z')).toMatchObject({ url: expect.stringContaining('ASIASECOND'), expiresAt: second.expiration })
})

test("a URL expires with the credentials of a role from the SDK's provider chain", async () => {
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

test.for([0, -1, 1.5, 604_801, Number.NaN])('a lifetime of %s seconds is refused', async (expiresInSeconds) => {
  await expect(storeWith({}).presign('final/a.png', { expiresInSeconds })).rejects.toThrow(RangeError)
})

test('the maximum lifetime is a week', async () => {
  const { url } = await storeWith({}).presign('final/a.png', { expiresInSeconds: 604_800 })

  expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('604800')
})

test('unavailable credentials are an error of the store with the reason', async () => {
  const store = storeWith({ credentials: () => Promise.reject(new Error('the role is gone')) })

  await expect(store.presign('final/a.png', { expiresInSeconds: 60 })).rejects.toMatchObject({
    name: 'StoreFailure',
    key: 'final/a.png',
    message: expect.stringContaining('the role is gone'),
  })
})
