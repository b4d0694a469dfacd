import { createHash, createHmac } from 'node:crypto'
import { S3Client } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { makeCheaper, Sha256 } from '../../src/s3/cheaper-sdk.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test.for([
  ['no key', undefined],
  ['an empty key', ''],
])('with %s it is the SHA-256 of a text', async ([, secret]) => {
  const sha256 = new Sha256(secret)
  sha256.update('ab')
  sha256.update(Buffer.from('c'))

  expect(hex(await sha256.digest())).toBe(createHash('sha256').update('abc').digest('hex'))
})

test.for([
  ['a text', 'secret', 'secret'],
  ['an array', new TextEncoder().encode('secret'), 'secret'],
  ['a part of an array', new TextEncoder().encode('a secret!').subarray(2, 8), 'secret'],
  ['a buffer of memory', new TextEncoder().encode('secret').buffer, 'secret'],
] as const)('with a key in %s it is the HMAC, repeatedly and after a reset', async ([, secret, key]) => {
  const expected = createHmac('sha256', key).update('abc').digest('hex')
  for (const sha256 of [new Sha256(secret), new Sha256(secret)]) {
    sha256.update('something else')
    sha256.reset()
    sha256.update('abc')

    expect(hex(await sha256.digest())).toBe(expected)
  }
})

test('a key does not replace another one', async () => {
  const of = async (secret: string | Uint8Array) => {
    const sha256 = new Sha256(secret)
    sha256.update('abc')
    return hex(await sha256.digest())
  }
  const [one, two] = [Buffer.from('one'), Buffer.from('two')]

  expect([await of('one'), await of('two'), await of('one')]).toEqual([await of(one), await of(two), await of(one)])
  expect(await of('one')).not.toBe(await of('two'))
})

const scheme = (signingRegion: string) => ({ name: 'sigv4', signingName: 's3', signingRegion, properties: {} })

test('each region has its signer, which is kept, and signs with the credentials of the moment', async () => {
  let secret = 0
  const client = new S3Client({
    region: 'us-east-1',
    sha256: Sha256,
    credentials: async () => ({ accessKeyId: 'a', secretAccessKey: `s${++secret}`, expiration: new Date() }),
  })
  makeCheaper(client)
  const { signer } = client.config
  const first = await signer(scheme('us-east-1'))

  expect(await signer(scheme('us-east-1'))).toBe(first)
  expect(await signer(scheme('eu-central-1'))).not.toBe(first)
  const request = { protocol: 'https:', hostname: 'b.s3.amazonaws.com', method: 'GET', path: '/k', headers: {}, query: {} }
  const at = { signingDate: new Date('2026-12-03T00:00:00Z') }
  const signed = [await first.sign(request, at), await first.sign(request, at)]
  expect(new Set(signed.map(({ headers }) => headers.authorization)).size).toBe(2)
})

test('the middlewares that are removed have not been renamed', () => {
  const client = new S3Client({ region: 'us-east-1' })
  const named = () => client.middlewareStack.identify().join('\n')
  const before = named()
  makeCheaper(client)

  for (const name of ['loggerMiddleware', 'regionRedirectMiddleware', 'addExpectContinueMiddleware', 'recursionDetectionMiddleware'])
    expect([before.includes(name), named().includes(name)], name).toEqual([true, false])
  expect([before.includes('getUserAgentMiddleware'), named().includes('getUserAgentMiddleware')]).toEqual([true, false])
})
