import { execFileSync } from 'node:child_process'
import { defaultSizeLimits } from '@airlock/domain'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { buildGateway, type GatewayDeps } from '../../apps/gateway/src/app.ts'
import { apiTypes, type OpenApiDocument } from '../../packages/client/test/api-types.ts'

/** The schemas of requests and responses that the client uses, and the operations whose query it sends. */
const schemas = [
  'UploadAnswer',
  'OpenAnswer',
  'SignedParts',
  'StoredParts',
  'CompletedUploads',
  'Job',
  'JobList',
  'UnknownJobs',
  'AssetList',
  'PresignedAsset',
  'ProductImages',
  'EventPage',
  'Problem',
]
const operations = ['listJobs', 'listAssets', 'presignAsset']

const head = `// Written from the OpenAPI document: npm test -- tests/unit/client-types.test.ts -u\n\n`

test('the types of the client are those of the OpenAPI document', async () => {
  const types = apiTypes(await documentOfGateway(), schemas, operations)

  const formatted = execFileSync('biome', ['format', '--stdin-file-path=api.ts'], { input: head + types, encoding: 'utf8' })

  await expect(formatted).toMatchFileSnapshot('../../packages/client/src/api.ts')
})

/** The document of a gateway without servers, which answers no request. */
async function documentOfGateway(): Promise<OpenApiDocument> {
  const redis = new Redis({ lazyConnect: true })
  const listening = () => ({ close: async () => {} })
  const deps = {
    ...{ database: anything, store: anything, jobQueue: anything, counter: anything, log: silent },
    build: { version: '0', revision: 'unknown' },
    metricsPort: null,
    bucket: 'bucket',
    tokens: { secrets: ['a-secret-that-signs-no-token-at-all'], remote: null, algorithms: null, issuer: null, audience: null },
    requestLimit: { perMinute: 1, redis, keyPrefix: 'airlock' },
    ...{ corsOrigins: [], trustProxy: null, sizeLimits: defaultSizeLimits, filesPerHour: 100, sourceBuckets: [], ipHashKey: null },
    presignHours: { default: 24, max: 168 },
    bodyTimeouts: { maxSeconds: 60, idleSeconds: 30, minBytesPerSecond: 0 },
    ...{ idempotencyLeaseSeconds: 30, maxFilesInFlight: 64, listen: listening, listenForFeed: listening },
    pollEveryMs: { listening: 10_000, lost: 1000 },
  } as unknown as GatewayDeps
  const { app } = await buildGateway(deps)
  await app.ready()
  const document = JSON.parse(JSON.stringify(app.swagger()))
  redis.disconnect()
  await app.close()
  return document
}

/** Has every method, at any depth. */
const anything: unknown = new Proxy(() => {}, {
  get: (_target, name) => (name === 'then' ? undefined : anything),
  apply: () => anything,
})

const silent = Object.assign(
  Object.fromEntries(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => [level, () => {}])),
  {
    level: 'silent',
    child: () => silent,
  },
)
