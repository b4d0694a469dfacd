import { type Build, dependencyChecks, type Metrics, serviceReadings } from '@airlock/config'
import type { Database } from '@airlock/database'
import type { SizeLimits } from '@airlock/domain'
import type { FileCounter } from '@airlock/lifecycle'
import type { JobQueue } from '@airlock/queue'
import { checkHealth, type ObjectStore } from '@airlock/storage'
import { noTelemetry, type Telemetry } from '@airlock/telemetry'
import multipart from '@fastify/multipart'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, LogController } from 'fastify'
import { authentication } from './auth/authentication.ts'
import type { TokenRules } from './auth/verify-token.ts'
import type { DirectSettings } from './direct/open-uploads.ts'
import { writeOnceCheck } from './direct/write-once-check.ts'
import { EventFeed, type EventFeedDeps } from './following/event-feed.ts'
import { MoveFeed, type MoveFeedDeps } from './following/move-feed.ts'
import { serveOpenApi } from './openapi/serve-openapi.ts'
import { AccessRecorder } from './operations/access-log.ts'
import { GatewayMetrics, permitReadings } from './operations/metrics.ts'
import { BackgroundTasks, GatewayShutdown } from './operations/shutdown.ts'
import { answerBrokenPath, answerBrokenRequest } from './plugins/broken-requests.ts'
import { answerErrors } from './plugins/errors.ts'
import { boundSmallBodies, lingerOnUnreadBodies } from './plugins/request-bodies.ts'
import { limitRequests, type RequestLimit } from './plugins/request-limit.ts'
import { logRequests, requestId } from './plugins/request-log.ts'
import { addSecurityHeaders } from './plugins/security-headers.ts'
import { refuseEncodedBodies, refuseUnknown } from './plugins/strict-requests.ts'
import { answerUnknownRoutes } from './plugins/unknown-routes.ts'
import { assetRoutes } from './routes/assets.ts'
import { brandRoutes } from './routes/brands.ts'
import { directRoutes } from './routes/direct-uploads.ts'
import { eventRoute } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { jobRoutes } from './routes/jobs.ts'
import { pipelineRoute } from './routes/pipeline.ts'
import { s3UploadRoutes } from './routes/s3-uploads.ts'
import { uploadRoute } from './routes/upload.ts'
import type { AvailabilityTuning } from './servers/availability.ts'
import { guardedServers } from './servers/guarded-servers.ts'
import type { TryPageFolders } from './try-page/page-files.ts'
import { tryPage } from './try-page/serve-try-page.ts'
import type { BodyTimeoutLimits } from './upload/body-timeouts.ts'
import { FilesInFlight } from './upload/files-in-flight.ts'

export interface GatewayDeps {
  database: Database
  store: ObjectStore
  jobQueue: JobQueue
  counter: FileCounter
  log: FastifyBaseLogger
  build: Build
  /** Null: the port for clients serves metrics too. */
  metricsPort: number | null
  /** For the `s3://bucket/key` of assets. */
  bucket: string
  tokens: TokenRules
  requestLimit: RequestLimit
  /** Origins that may call the gateway from a browser. */
  corsOrigins: readonly string[]
  /** The page on which developers try Airlock. Absent: there is none. */
  tryPage?: TryPageFolders | undefined
  /** Proxies whose `X-Forwarded-For` is trusted: their number, or their networks; null: none. */
  trustProxy: number | readonly string[] | null
  sizeLimits: SizeLimits
  filesPerHour: number
  /** Maximum bytes of parked uploads per user. Absent: unlimited. */
  parkedBytesPerUser?: number | undefined
  /** Other buckets from which videos may be fetched. */
  sourceBuckets: readonly string[]
  presignHours: { default: number; max: number }
  direct: DirectSettings
  /** Key of the HMAC of the caller's address in the access log; null: the address is not recorded. */
  ipHashKey: string | null
  /** How long CompleteMultipartUpload waits for the result of inspection, in seconds. Absent: as long as the longest `Prefer: wait`. */
  completeWaitSeconds?: number | undefined
  bodyTimeouts: BodyTimeoutLimits
  idempotencyLeaseSeconds: number
  maxFilesInFlight: number
  listen: MoveFeedDeps['listen']
  listenForFeed: EventFeedDeps['listen']
  /** How often both feeds poll the database. */
  pollEveryMs: MoveFeedDeps['pollEveryMs']
  availability?: Partial<AvailabilityTuning> | undefined
  /** Absent: no tracing. */
  telemetry?: Telemetry | undefined
}

/** How long a health check waits for one server, in ms. */
const healthTimeoutMs = 2000

/** The same for the store, whose check may take slightly longer than its timeout. */
const storeCheckTimeoutMs = 1500

/** How long the states of the servers are reused, in ms. Requests for them are not limited; they cost the servers at most one check per second. */
const keepMs = 1000

/** How long a client may take to send its headers, in ms; bodies have separate limits. */
const headersTimeoutMs = 20_000

/** Longer than the 60 s after which common load balancers close an idle connection: they close it first, so no request reaches a closed one. */
const keepAliveMs = 72_000

/** Node's limit for all headers together, so that an invalid id of any length gets `id_malformed`. */
const longestPath = 16_384

/** Version of the HTTP interface; breaking changes increment its major number. */
const version = '0.1.0'

export interface Gateway {
  app: FastifyInstance
  metrics: Metrics
  shutdown: GatewayShutdown
}

/** The gateway, ready for `listen` or `inject`. Closing it waits for requests in flight and for their background tasks. */
export async function buildGateway(deps: GatewayDeps): Promise<Gateway> {
  const { database, store, jobQueue, log, telemetry = noTelemetry } = deps
  const servers = guardedServers({ database, store, jobQueue, log, tuning: deps.availability })
  const { uploads, assets, idempotency } = servers.database
  const backgroundTasks = new BackgroundTasks()
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    forceCloseConnections: 'idle',
    return503OnClosing: false, // requests on open connections are still served
    trustProxy: trustOf(deps.trustProxy),
    keepAliveTimeout: keepAliveMs,
    // invalid ids are refused by the code that reads them, with `id_malformed`
    ajv: { onCreate: (ajv) => void ajv.addFormat('uuid', true) },
    // otherwise Node itself would answer requests without a Host
    http: { requireHostHeader: false, headersTimeout: headersTimeoutMs, requestTimeout: 0, connectionsCheckingInterval: 5000 },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, log),
    frameworkErrors: answerBrokenPath,
    routerOptions: { maxParamLength: longestPath },
  })
  app.decorateRequest('caller', null)
  answerErrors(app)
  answerUnknownRoutes(app)
  if (telemetry.requests !== null) await app.register(telemetry.requests)
  logRequests(app, telemetry.fieldsOf)
  lingerOnUnreadBodies(app)
  refuseEncodedBodies(app)
  boundSmallBodies(app, { seconds: deps.bodyTimeouts.idleSeconds })
  const accesses = new AccessRecorder({ accessLog: servers.database.accessLog, log, ipHashKey: deps.ipHashKey })
  const feed = new MoveFeed({ uploads, listen: deps.listen, pollEveryMs: deps.pollEveryMs })
  const eventFeed = new EventFeed({ events: servers.database.events, listen: deps.listenForFeed, pollEveryMs: deps.pollEveryMs })
  const shutdown = new GatewayShutdown(app, {
    endWaits: () => {
      feed.drain()
      eventFeed.drain()
    },
    flush: async () => {
      await backgroundTasks.done()
      await accesses.close()
    },
    close: async () => {
      await Promise.all([feed.close(), eventFeed.close()])
      await servers.close()
    },
  })
  const { authenticate, identify } = authentication(deps.tokens)
  await addSecurityHeaders(app, { origins: deps.corsOrigins })
  limitRequests(app, { ...deps.requestLimit, identify, throughRedis: servers.throughRedis })
  refuseUnknown(app)
  const states = dependencyChecks({
    checks: {
      postgres: () => database.check(healthTimeoutMs),
      redis: () => jobQueue.check(),
      s3: () => checkHealth(store, { timeoutMs: storeCheckTimeoutMs }),
    },
    timeoutMs: healthTimeoutMs,
    keepMs,
  })
  const inFlight = new FilesInFlight(deps.maxFilesInFlight)
  const metrics = new GatewayMetrics([
    ...serviceReadings({ service: 'gateway', build: deps.build, states, pools: () => database.pools() }),
    ...permitReadings(() => inFlight.use),
  ])
  metrics.measure(app)
  await serveOpenApi(app, { version })
  if (deps.metricsPort === null) metrics.serve(app)
  await app.register(multipart, { throwFileSizeLimit: false })

  const authenticateUpload = async (request: FastifyRequest) => {
    await authenticate(request)
    servers.assertUploadsPossible() // before any of the body is read
  }
  await app.register(
    uploadRoute({
      ...deps,
      ...servers,
      uploads,
      assets,
      idempotency,
      backgroundTasks,
      feed,
      metrics,
      accesses,
      authenticate: authenticateUpload,
      inFlight,
    }),
  )
  const directDeps = {
    ...deps,
    ...servers,
    uploads,
    assets,
    backgroundTasks,
    feed,
    metrics,
    accesses,
    authenticate,
    writesOnce: writeOnceCheck(servers.store, log),
  }
  await app.register(directRoutes(directDeps))
  await app.register(s3UploadRoutes(directDeps))
  await app.register(pipelineRoute({ ...deps, ...servers, uploads, metrics, authenticate: authenticateUpload }))
  await app.register(jobRoutes({ uploads, assets, store: servers.store, jobQueue: servers.jobQueue, feed, authenticate }))
  const { bucket, presignHours } = deps
  await app.register(assetRoutes({ assets, store, bucket, presignHours, accesses, authenticate }))
  await app.register(brandRoutes({ brands: servers.database.brands, assets, store, bucket, presignHours, accesses, authenticate }))
  await app.register(eventRoute({ feed: eventFeed, events: servers.database.events, authenticate }))
  if (deps.tryPage !== undefined) {
    const { tryPage: folders, tokens } = deps
    await app.register(await tryPage({ folders, tokens, store, feed: eventFeed, events: servers.database.events, authenticate }))
  }
  await app.register(healthRoutes({ states, isReady: () => shutdown.isReady }))
  return { app, shutdown, metrics }
}

/** Hops are counted from this process outwards: hop 0 is the peer of the connection. */
function trustOf(proxies: GatewayDeps['trustProxy']) {
  if (typeof proxies === 'number') return (_address: string, hop: number) => hop < proxies
  return proxies === null ? false : [...proxies]
}
