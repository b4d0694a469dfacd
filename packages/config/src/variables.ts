import { directVariables } from './direct-variables.ts'
import { inspectionVariables } from './inspection-variables.ts'
import {
  bucketNames,
  oneOf,
  optional,
  origins,
  proxies,
  secret,
  secrets,
  someOf,
  text,
  url,
  type Variable,
  variable,
  wholeNumber,
  yesOrNo,
} from './parsers.ts'
import { serverVariables } from './server-variables.ts'
import { webhookSecrets, webhookUrls } from './webhook-parsers.ts'

const MiB = 1024 * 1024

/** The signing key in `.env.example`. It is public, so it is refused where other machines can reach this process. */
export const exampleJwtSecret = 'an-example-secret-never-use-it-in-production'

/** Every environment variable that Airlock reads, the same names in all apps. */
export const variables = {
  ...serverVariables,
  JWT_SECRET: variable({
    about:
      'verifies HS256 tokens, at least 32 bytes (openssl rand -base64 48); several separated by commas for rotation, the first signs; this or JWKS_URL is required',
    parse: (value) => (value === '' ? [] : secrets(value)),
    default: '',
    example: exampleJwtSecret,
    secret: true,
  }),
  JWKS_URL: variable({
    about: 'JWKS with the public keys for RS256, ES256 and EdDSA tokens; empty = HS256 only',
    parse: optional(url('http', 'https')),
    default: '',
  }),
  JWT_ALGORITHMS: variable({
    about: 'accepted signature algorithms, separated by commas; empty = all for which keys are configured',
    parse: optional(someOf('HS256', 'RS256', 'ES256', 'EdDSA')),
    default: '',
  }),
  JWT_ISSUER: variable({ about: 'the required `iss` of tokens; empty = any', parse: optional(text), default: '' }),
  JWT_AUDIENCE: variable({
    about: 'the value that the `aud` of tokens must contain; empty = any. Required with JWKS_URL, unless JWT_ALLOW_ANY_AUDIENCE=true',
    parse: optional(text),
    default: '',
  }),
  JWT_ALLOW_ANY_AUDIENCE: variable({
    about: 'true = with JWKS_URL, also accept tokens that its issuer issued for other services',
    parse: yesOrNo,
    default: 'false',
  }),
  CORS_ORIGINS: variable({
    about: 'origins that may call the gateway from a browser, separated by commas; empty = none',
    parse: (value) => (value === '' ? [] : origins(value)),
    default: '',
  }),
  TRY_PAGE: variable({ about: 'true = serve a page to try Airlock on at /; for development only', parse: yesOrNo, default: 'false' }),
  TRUST_PROXY: variable({
    about: 'proxies whose X-Forwarded-For is trusted: their number, or their networks separated by commas; empty = none',
    parse: optional(proxies),
    default: '',
  }),
  HOST: variable({ about: 'address on which gateway and worker listen', parse: text, default: '127.0.0.1' }),
  PORT: variable({ about: 'port of the gateway', parse: wholeNumber(0, 65_535), default: '3000' }),
  WORKER_PORT: variable({ about: "port of the worker's health checks and metrics", parse: wholeNumber(0, 65_535), default: '3001' }),
  METRICS_PORT: variable({
    about:
      'port for metrics alone, on HOST: PORT and WORKER_PORT then answer /metrics with 404; empty = there. Two processes on one machine need different ones',
    parse: optional(wholeNumber(0, 65_535)),
    default: '',
  }),
  AIRLOCK_REVISION: variable({
    about: 'the commit that was built, for `airlock_build_info`; set in the images',
    parse: optional(text),
    default: '',
  }),
  LOG_LEVEL: variable({
    about: 'minimum level of log lines: fatal, error, warn, info, debug, trace or silent',
    parse: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    default: 'info',
  }),
  WORKER_QUEUES: variable({
    about: 'lanes that this worker serves, separated by commas',
    parse: someOf('images', 'videos', 'training'),
    default: 'images,videos,training',
  }),
  WORKER_CONCURRENCY: variable({ about: 'concurrent jobs per lane', parse: wholeNumber(1, 100), default: '4' }),
  WORKER_MAX_RUNNING_PER_USER: variable({
    about: 'concurrent jobs of one user in each lane of a worker, at most WORKER_CONCURRENCY - 1; 0 = that maximum',
    parse: wholeNumber(0, 100),
    default: '0',
  }),
  WORKER_MIN_ATTEMPTS: variable({
    about: 'an upload that fails through no fault of its file is parked after at least this many attempts',
    parse: wholeNumber(1, 1000),
    default: '8',
  }),
  RETRY_FOR_HOURS: variable({ about: '… and at least this long after the first failure', parse: wholeNumber(0, 8760), default: '24' }),
  RETRY_BASE_MS: variable({
    about: 'delay before the second attempt; doubles each time, with jitter',
    parse: wholeNumber(1, 600_000),
    default: '1000',
  }),
  RETRY_CAP_MS: variable({ about: 'maximum delay between two attempts', parse: wholeNumber(1, 86_400_000), default: '300000' }),
  MAX_IMAGE_BYTES: variable({ about: 'maximum size of a brand_image', parse: wholeNumber(1, 1024 * MiB), default: String(10 * MiB) }),
  MAX_VIDEO_BYTES: variable({
    about: 'maximum size of a generated_video',
    parse: wholeNumber(1, 40 * 1024 * MiB),
    default: String(500 * MiB),
  }),
  MAX_TRAINING_BYTES: variable({
    about: 'maximum size of a lora_training',
    parse: wholeNumber(1, 40 * 1024 * MiB),
    default: String(2048 * MiB),
  }),
  ...inspectionVariables,
  RATE_LIMIT_FILES_PER_HOUR: variable({
    about: 'files that one user may upload per hour',
    parse: wholeNumber(1, 100_000),
    default: '100',
  }),
  PARKED_BYTES_PER_USER: variable({
    about: 'maximum bytes of parked uploads per user, kept until an operator decides; beyond it new files of that user are refused',
    parse: wholeNumber(1, 1_000_000 * MiB),
    default: String(10 * 1024 * MiB),
  }),
  REQUESTS_PER_MINUTE: variable({
    about: 'requests that one user, or one address without a token, may send per minute',
    parse: wholeNumber(1, 10_000_000),
    default: '6000',
  }),
  PRESIGN_DEFAULT_HOURS: variable({
    about: 'validity of a presigned URL if the caller requests none',
    parse: wholeNumber(1, 168),
    default: '24',
  }),
  PRESIGN_MAX_HOURS: variable({ about: 'maximum validity that a caller may request', parse: wholeNumber(1, 168), default: '168' }),
  UPLOAD_MAX_SECONDS: variable({ about: 'maximum duration of an upload request', parse: wholeNumber(1, 86_400), default: '3600' }),
  IDEMPOTENCY_LEASE_SECONDS: variable({
    about: 'a request with an Idempotency-Key may be taken over if its gateway has not renewed its lease for this long',
    parse: wholeNumber(3, 3600),
    default: '30',
  }),
  UPLOAD_IDLE_SECONDS: variable({
    about: 'an upload request is aborted if no byte arrives for this long',
    parse: wholeNumber(1, 3600),
    default: '30',
  }),
  UPLOAD_MIN_BYTES_PER_SECOND: variable({
    about: 'an upload request that is slower than this over a minute is aborted; 0 = never',
    parse: wholeNumber(0, 1024 * MiB),
    default: '1024',
  }),
  MAX_FILES_IN_FLIGHT: variable({
    about: 'files that one gateway receives concurrently; active users share them',
    parse: wholeNumber(1, 10_000),
    default: '64',
  }),
  ...directVariables,
  LEASE_SECONDS: variable({
    about: 'another worker takes over an upload if its worker has not renewed the lease for this long',
    parse: wholeNumber(1, 86_400),
    default: '60',
  }),
  SWEEP_INTERVAL_SECONDS: variable({ about: 'pause between two sweeps for stuck uploads', parse: wholeNumber(1, 86_400), default: '15' }),
  SWEEP_REST_SECONDS: variable({
    about: 'pause between two passes of the sweeper over all objects, unused assets and old uploads',
    parse: wholeNumber(0, 604_800),
    default: '3600',
  }),
  SWEEP_MAX_REMOVALS: variable({ about: 'maximum number of deletions per sweep', parse: wholeNumber(1, 1_000_000), default: '1000' }),
  UNUSED_ASSET_DAYS: variable({
    about: 'assets that no brand uses and that were not accessed for this long expire, except training sets; 0 = never',
    parse: wholeNumber(0, 36_500),
    default: '90',
  }),
  UNUSED_ASSET_GRACE_DAYS: variable({
    about: 'how long an unused asset is marked before it is deleted; any access removes the mark',
    parse: wholeNumber(0, 3650),
    default: '7',
  }),
  UPLOAD_RECORD_DAYS: variable({
    about: 'records of ended uploads, except parked ones, are deleted after this long; their job ids are then unknown',
    parse: wholeNumber(1, 36_500),
    default: '30',
  }),
  PIPELINE_RING_AFTER_SECONDS: variable({
    about: "age after which the sweeper enqueues a video in the pipeline's inbox that its producer did not enqueue",
    parse: wholeNumber(0, 86_400),
    default: '60',
  }),
  PIPELINE_MAX_RUNNING_PER_PROJECT: variable({
    about:
      'concurrent videos of one pipeline project over all workers; keep it below their total concurrency, or one project can delay the others; 0 = unlimited',
    parse: wholeNumber(0, 1000),
    default: '3',
  }),
  PIPELINE_SOURCE_BUCKETS: variable({
    about: 'other buckets from which videos may be fetched, separated by commas; empty = none',
    parse: (value) => (value === '' ? [] : bucketNames(value)),
    default: '',
  }),
  WEBHOOK_URLS: variable({
    about: 'https:// endpoints that receive events, separated by commas or spaces; empty = none',
    parse: webhookUrls,
    default: '',
    secret: true,
  }),
  WEBHOOK_SECRETS: variable({
    about: 'signing secrets (whsec_…) of WEBHOOK_URLS, in the same order; two joined by a vertical bar for rotation, both sign',
    parse: webhookSecrets,
    default: '',
    secret: true,
  }),
  WEBHOOK_ALLOW_PRIVATE: variable({
    about: 'true = endpoints may be in private networks and may use http://',
    parse: yesOrNo,
    default: 'false',
  }),
  WEBHOOK_CONCURRENCY: variable({
    about: 'concurrent deliveries of one worker to one endpoint',
    parse: wholeNumber(1, 100),
    default: '4',
  }),
  ACCESS_LOG_IP_HASH_KEY: variable({
    about: "key of the HMAC of the caller's address in the access log, at least 32 bytes; empty = the address is not recorded",
    parse: optional(secret),
    default: '',
    secret: true,
  }),
  ACCESS_LOG_DAYS: variable({
    about: 'retention of the access log; partitions of months that ended longer ago are dropped',
    parse: wholeNumber(1, 36_500),
    default: '400',
  }),
  EVENT_DAYS: variable({
    about: 'retention of events; at least 4, since webhooks are retried for 3 days',
    parse: wholeNumber(4, 36_500),
    default: '30',
  }),
  SHUTDOWN_NOT_READY_SECONDS: variable({
    about: 'how long a gateway reports not ready and still serves after SIGTERM, before it closes',
    parse: wholeNumber(0, 600),
    default: '5',
  }),
  SHUTDOWN_GRACE_S: variable({
    about: 'how long requests and jobs in progress may take to end after SIGTERM',
    parse: wholeNumber(0, 3600),
    default: '25',
  }),
} as const

export type VariableName = keyof typeof variables

export const variableNames = Object.keys(variables) as VariableName[]

export type ValueOf<N extends VariableName> = (typeof variables)[N] extends Variable<infer T> ? T : never
