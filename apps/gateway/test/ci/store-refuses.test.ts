import { s3ObjectStore } from '@airlock/storage'
import { type IsolatedBucket, isolatedBucket } from '@airlock/testkit'
import { storeOptions } from '@airlock/testkit/airlock'
import { expect, test } from 'vitest'
import { answerOf, Client, padded, photo, type RunningGateway, scene, startGateway } from '../gateway.ts'

const MiB = 1024 * 1024
const project = '0190a000-0000-7000-8000-000000000001'

type StoreOptions = ReturnType<typeof storeOptions>

/** Wrong settings of a store, and the error that the log contains. */
const mistakes: [what: string, reason: RegExp, mistaken: (right: StoreOptions) => Partial<StoreOptions>][] = [
  ['a bucket that does not exist', /NoSuchBucket/, () => ({ bucket: 'airlock-is-not-there' })],
  [
    'a wrong secret',
    /SignatureDoesNotMatch/,
    ({ credentials }) => ({ credentials: { ...credentials, secretAccessKey: 'not-the-secret-of-this-key' } }),
  ],
  [
    'an access key that the store does not know',
    /InvalidAccessKeyId/,
    ({ credentials }) => ({ credentials: { ...credentials, accessKeyId: 'who' } }),
  ],
]

async function startMistaken(bucket: IsolatedBucket, mistaken: (right: StoreOptions) => Partial<StoreOptions>): Promise<RunningGateway> {
  const right = storeOptions(bucket)
  return startGateway({ store: s3ObjectStore({ ...right, ...mistaken(right), callTimeoutMs: 10_000 }) })
}

test.for(mistakes)(
  'with %s clients get 503, their files are refunded, and only the log has the reason',
  { meta: { id: 'store-refuses' } },
  async ([, reason, mistaken]) => {
    const bucket = await isolatedBucket()
    const gateway = await startMistaken(bucket, mistaken)
    try {
      const client = new Client(gateway.url)
      const film = { ...(await scene()), bytes: padded((await scene()).bytes, 40 * MiB) }
      const answers = [
        await client.pictures(await photo()),
        await client.uploads(['asset_type', 'generated_video'], ['project_id', project], film),
      ]

      for (const { status, headers, body } of answers) {
        expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'storage_unavailable', '5'])
        expect(JSON.stringify(body)).not.toMatch(/bucket|secret|signature|access|S3/i)
      }
      expect(await gateway.uploads(client.id)).toMatchObject([
        { state: 'abandoned', error_code: 'storage_unavailable', counted: false },
        { state: 'abandoned', error_code: 'storage_unavailable', counted: false },
      ])
      const failed = gateway.log.filter(({ msg }) => msg === 'request failed')
      expect(failed).toHaveLength(2)
      for (const line of failed)
        expect(line).toMatchObject({ code: 'storage_unavailable', err: { message: expect.stringMatching(reason) } })

      const health = async () => (await answerOf(await fetch(`${gateway.url}/api/health`))).body
      expect(await health()).toMatchObject({ status: 'degraded', dependencies: { s3: { status: 'unavailable' } } })
      await health()
      expect(gateway.log.filter(({ msg }) => msg === 'health check of server failed')).toMatchObject([
        { server: 's3', err: { message: expect.stringMatching(reason) } },
      ])
    } finally {
      await gateway.close()
      await bucket.drop()
    }
  },
)
