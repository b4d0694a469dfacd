import type { Database } from '@airlock/database'
import type { SizeLimits } from '@airlock/domain'
import type { FileCounter } from '@airlock/lifecycle'
import type { JobQueue } from '@airlock/queue'
import { checkHealth, type ObjectStore } from '@airlock/storage'
import multipart from '@fastify/multipart'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, LogController } from 'fastify'
import { AccessRecorder } from './access-log.ts'
import type { AvailabilityTuning } from './availability.ts'
import { BackgroundTasks } from './background-tasks.ts'
import { EventFeed, type EventFeedDeps } from './following/event-feed.ts'
import { MoveFeed, type MoveFeedDeps } from './following/move-feed.ts'
import { guardedServers } from './guarded-servers.ts'
import { GatewayMetrics } from './metrics.ts'
import { authentication, type TokenRules } from './plugins/auth.ts'
import { answerBrokenPath, answerBrokenRequest } from './plugins/broken-requests.ts'
import { answerErrors } from './plugins/errors.ts'
import { serveOpenApi } from './plugins/openapi.ts'
import { limitRequests, type RequestLimit } from './plugins/request-limit.ts'
import { logRequests, requestId } from './plugins/request-log.ts'
import { addSecurityHeaders } from './plugins/security-headers.ts'
import { boundSmallBodies } from './plugins/small-bodies.ts'
import { refuseEncodedBodies, refuseUnknown } from './plugins/strict-requests.ts'
import { answerUnknownRoutes } from './plugins/unknown-routes.ts'
import { lingerOnUnreadBodies } from './plugins/unread-bodies.ts'
import { assetRoutes } from './routes/assets.ts'
import { brandRoutes } from './routes/brands.ts'
import { eventRoute } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { jobRoutes } from './routes/jobs.ts'
import { pipelineRoute } from './routes/pipeline.ts'
import { uploadRoute } from './routes/upload.ts'
import { GatewayShutdown } from './shutdown.ts'
import type { BodyTimeoutLimits } from './upload/body-timeouts.ts'
import { FilesInFlight } from './upload/files-in-flight.ts'

export interface GatewayDeps {
  database: Database
  store: ObjectStore
  jobQueue: JobQueue
  counter: FileCounter
  log: FastifyBaseLogger
  /** Only to say where assets are: `s3://bucket/key`. */
  bucket: string
  tokens: TokenRules
  requestLimit: RequestLimit
  /** Whose pages may call us, from a browser. */
  corsOrigins: readonly string[]
  /** Whose `X-Forwarded-For` counts: a number of proxies, or their networks; null: nobody's. */
  trustProxy: number | readonly string[] | null
  sizeLimits: SizeLimits
  filesPerHour: number
  /** Bytes of failed uploads that are kept of one user until an operator decides. Absent: no bound. */
  parkedBytesPerUser?: number | undefined
  /** From which other buckets a pipeline may have videos fetched. */
  sourceBuckets: readonly string[]
  presignHours: { default: number; max: number }
  /** With it the access log keeps an HMAC of the caller's address; null: nothing of it. */
  ipHashKey: string | null
  bodyTimeouts: BodyTimeoutLimits
  idempotencyLeaseSeconds: number
  maxFilesInFlight: number
  listen: MoveFeedDeps['listen']
  listenForFeed: EventFeedDeps['listen']
  /** For both of them. */
  lookEveryMs: MoveFeedDeps['lookEveryMs']
  availability?: Partial<AvailabilityTuning> | undefined
}

/** How long a health check waits for one server, in ms. */
const healthTimeoutMs = 2000

/** The same of the store, whose check may take a moment more. */
const storeCheckTimeoutMs = 1500

/** How long a client may take to send its headers, in ms; bodies have limits of their own. */
const headersTimeoutMs = 20_000

/** Longer than the 60 s after which common load balancers drop an idle connection: they close it first, and no request meets a closed one. */
const keepAliveMs = 72_000

/** As long as all headers may be: what is no id is told so, however long it is. */
const longestPath = 16_384

/** Of the HTTP interface; what breaks clients raises its first number. */
const version = '0.1.0'

export interface Gateway {
  app: FastifyInstance
  shutdown: GatewayShutdown
}

/** The gateway, ready for `listen` or `inject`. Closing it waits for what is in flight, and for the backgroundTasks behind it. */
export async function buildGateway(deps: GatewayDeps): Promise<Gateway> {
  const { database, store, jobQueue, log } = deps
  const servers = guardedServers({ database, store, jobQueue, log, tuning: deps.availability })
  const { uploads, assets, idempotency } = servers.database
  const backgroundTasks = new BackgroundTasks()
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    forceCloseConnections: 'idle',
    return503OnClosing: false, // a request on a connection that is still open is served like any other
    trustProxy: trustOf(deps.trustProxy),
    keepAliveTimeout: keepAliveMs,
    // an id that is none is refused by the code that reads it, with an error of its own
    ajv: { onCreate: (ajv) => void ajv.addFormat('uuid', true) },
    // without a Host Node would answer by itself
    http: { requireHostHeader: false, headersTimeout: headersTimeoutMs, requestTimeout: 0, connectionsCheckingInterval: 5000 },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, log),
    frameworkErrors: answerBrokenPath,
    routerOptions: { maxParamLength: longestPath },
  })
  app.decorateRequest('caller', null)
  answerErrors(app)
  answerUnknownRoutes(app)
  logRequests(app)
  lingerOnUnreadBodies(app)
  refuseEncodedBodies(app)
  boundSmallBodies(app, { seconds: deps.bodyTimeouts.idleSeconds })
  const accesses = new AccessRecorder({ accessLog: servers.database.accessLog, log, ipHashKey: deps.ipHashKey })
  const feed = new MoveFeed({ uploads, listen: deps.listen, lookEveryMs: deps.lookEveryMs })
  const eventFeed = new EventFeed({ events: servers.database.events, listen: deps.listenForFeed, lookEveryMs: deps.lookEveryMs })
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
  await limitRequests(app, { ...deps.requestLimit, identify, throughRedis: servers.throughRedis })
  refuseUnknown(app)
  await serveOpenApi(app, { version })
  const metrics = new GatewayMetrics()
  metrics.serve(app)
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
      inFlight: new FilesInFlight(deps.maxFilesInFlight),
    }),
  )
  await app.register(pipelineRoute({ ...deps, ...servers, uploads, authenticate: authenticateUpload }))
  await app.register(jobRoutes({ uploads, assets, store: servers.store, jobQueue: servers.jobQueue, feed, authenticate }))
  const { bucket, presignHours } = deps
  await app.register(assetRoutes({ assets, store, bucket, presignHours, accesses, authenticate }))
  await app.register(brandRoutes({ brands: servers.database.brands, assets, store, bucket, presignHours, accesses, authenticate }))
  await app.register(eventRoute({ feed: eventFeed, events: servers.database.events, authenticate }))
  await app.register(
    healthRoutes({
      checks: {
        database: () => database.check(healthTimeoutMs),
        redis: () => jobQueue.check(),
        s3: () => checkHealth(store, { timeoutMs: storeCheckTimeoutMs }),
      },
      timeoutMs: healthTimeoutMs,
      isReady: () => shutdown.isReady,
    }),
  )
  return { app, shutdown }
}

/** Counted from us outwards, the first of them is the one that the connection comes from. */
function trustOf(proxies: GatewayDeps['trustProxy']) {
  if (typeof proxies === 'number') return (_address: string, hop: number) => hop < proxies
  return proxies === null ? false : [...proxies]
}
