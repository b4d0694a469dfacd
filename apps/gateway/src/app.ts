import type { Database } from '@airlock/database'
import type { SizeLimits } from '@airlock/domain'
import type { FileCounter } from '@airlock/lifecycle'
import type { Bell } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import multipart from '@fastify/multipart'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { Chores } from './chores.ts'
import { MoveFeed, type MoveFeedDeps } from './following/move-feed.ts'
import { GatewayMetrics } from './metrics.ts'
import { authenticated } from './plugins/auth.ts'
import { answerErrors } from './plugins/errors.ts'
import { logRequests, requestId } from './plugins/request-log.ts'
import { answerUnknownRoutes } from './plugins/unknown-routes.ts'
import { lingerOnUnreadBodies } from './plugins/unread-bodies.ts'
import { assetRoutes } from './routes/assets.ts'
import { healthRoutes } from './routes/health.ts'
import { jobRoutes } from './routes/jobs.ts'
import { uploadRoute } from './routes/upload.ts'
import { FilesInFlight } from './upload/files-in-flight.ts'
import type { PatienceLimits } from './upload/patience.ts'

export interface GatewayDeps {
  database: Database
  store: ObjectStore
  bell: Bell
  counter: FileCounter
  log: FastifyBaseLogger
  /** Only to say where assets are: `s3://bucket/key`. */
  bucket: string
  jwtSecrets: readonly string[]
  sizeLimits: SizeLimits
  filesPerHour: number
  presignHours: { default: number; max: number }
  patience: PatienceLimits
  maxFilesInFlight: number
  listen: MoveFeedDeps['listen']
  lookEveryMs: MoveFeedDeps['lookEveryMs']
}

/** How long a health check waits for one server, in ms. */
const healthTimeoutMs = 2000

/** How long a client may take to send its headers, in ms; bodies have limits of their own. */
const headersTimeoutMs = 20_000

export interface Gateway {
  app: FastifyInstance
  /** Not ready any more, but still answering: the first step of a shutdown. */
  drain(): void
}

/** The gateway, ready for `listen` or `inject`. Closing it waits for what is in flight, and for the chores behind it. */
export async function buildGateway(deps: GatewayDeps): Promise<Gateway> {
  const { database, store, bell, log } = deps
  const { uploads, assets } = database
  const chores = new Chores()
  let ready = true
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    forceCloseConnections: 'idle',
    http: { headersTimeout: headersTimeoutMs, requestTimeout: 0 },
  })
  app.decorateRequest('caller', null)
  answerErrors(app)
  answerUnknownRoutes(app)
  logRequests(app)
  lingerOnUnreadBodies(app)
  // what ends after the listener closed would otherwise keep its connection, and the shutdown waiting
  app.addHook('onSend', async (_request, reply) => {
    if (!ready) reply.header('connection', 'close')
  })
  const metrics = new GatewayMetrics()
  metrics.serve(app)
  await app.register(multipart, { throwFileSizeLimit: false })
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'Airlock', version: '0.1.0' } } })

  const authenticate = authenticated(deps.jwtSecrets)
  const feed = new MoveFeed({ uploads, listen: deps.listen, lookEveryMs: deps.lookEveryMs })
  await app.register(
    uploadRoute({
      ...deps,
      uploads,
      assets,
      idempotency: database.idempotency,
      chores,
      feed,
      metrics,
      authenticate,
      inFlight: new FilesInFlight(deps.maxFilesInFlight),
    }),
  )
  await app.register(jobRoutes({ uploads, assets, bell, feed, authenticate }))
  await app.register(assetRoutes({ assets, store, bucket: deps.bucket, presignHours: deps.presignHours, authenticate }))
  await app.register(
    healthRoutes({
      checks: {
        database: () => database.check(healthTimeoutMs),
        redis: () => bell.check(),
        s3: () => store.check({ timeoutMs: healthTimeoutMs }),
      },
      timeoutMs: healthTimeoutMs,
      isReady: () => ready,
    }),
  )
  const drain = () => {
    ready = false
    feed.drain()
  }
  app.addHook('preClose', async () => drain())
  app.addHook('onClose', async () => {
    await feed.close()
    await chores.done()
  })
  return { app, drain }
}
