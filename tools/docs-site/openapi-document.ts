import { defaultSizeLimits } from '@airlock/domain'
import { buildGateway, type GatewayDeps } from '../../apps/gateway/src/app.ts'

/** The document of a gateway without servers, which answers no request. */
export async function openApiDocument(): Promise<object> {
  const listening = () => ({ close: async () => {} })
  const deps = {
    ...{ database: anything, store: anything, jobQueue: anything, counter: anything, log: silent },
    build: { version: '0', revision: 'unknown' },
    metricsPort: null,
    bucket: 'bucket',
    tokens: { secrets: ['a-secret-that-signs-no-token-at-all'], remote: null, algorithms: null, issuer: null, audience: null },
    requestLimit: { perMinute: 1, redis: anything, keyPrefix: 'airlock' },
    ...{ corsOrigins: [], trustProxy: null, sizeLimits: defaultSizeLimits, filesPerHour: 100, sourceBuckets: [], ipHashKey: null },
    presignHours: { default: 24, max: 168 },
    bodyTimeouts: { maxSeconds: 60, idleSeconds: 30, minBytesPerSecond: 0 },
    ...{ idempotencyLeaseSeconds: 30, maxFilesInFlight: 64, listen: listening, listenForFeed: listening },
    pollEveryMs: { listening: 10_000, lost: 1000 },
  } as unknown as GatewayDeps
  const { app } = await buildGateway(deps)
  await app.ready()
  const document = JSON.parse(JSON.stringify(app.swagger()))
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
