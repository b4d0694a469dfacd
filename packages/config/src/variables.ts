import {
  bucketName,
  bucketNames,
  oneOf,
  origins,
  type Parser,
  proxies,
  secret,
  secrets,
  someOf,
  text,
  url,
  wholeNumber,
  yesOrNo,
} from './parsers.ts'
import { webhookSecrets, webhookUrls } from './webhooks.ts'

/** One environment variable: what it is for, what it may be, what it is when absent. */
export interface Variable<T> {
  /** One line for `.env.example` and the docs. */
  readonly about: string
  readonly parse: Parser<T>
  /** The value when absent, as it would be written. `undefined`: the variable is required. */
  readonly default?: string
  /** Stands in `.env.example` where there is no default, so that a copy of it works with the compose file. */
  readonly example?: string
  /** Never shown in a message. */
  readonly secret?: true
}

/** Empty, or what `parser` takes: for settings that may be left out. */
const optional =
  <T>(parser: Parser<T>): Parser<T | null> =>
  (value) =>
    value === '' ? null : parser(value)

const variable = <T>(definition: Variable<T>): Variable<T> => definition

const MiB = 1024 * 1024

/** What signs tokens in `.env.example`, so everybody knows it: refused where others than this machine can reach us. */
export const exampleJwtSecret = 'an-example-secret-never-use-it-in-production'

/** Every environment variable that Airlock reads, the same names in all apps. */
export const variables = {
  DATABASE_URL: variable({
    about: 'Postgres of this environment; TLS by ?sslmode=verify-full',
    parse: url('postgres', 'postgresql'),
    example: 'postgres://airlock:airlock@127.0.0.1:5432/airlock',
    secret: true,
  }),
  DATABASE_DIRECT_URL: variable({
    about: 'Postgres without the pooler in between, for migrations and for what listens; empty = DATABASE_URL',
    parse: optional(url('postgres', 'postgresql')),
    default: '',
    secret: true,
  }),
  DATABASE_POOL_SIZE: variable({ about: 'connections of one process', parse: wholeNumber(1, 200), default: '10' }),
  DATABASE_STATEMENT_TIMEOUT_MS: variable({ about: 'the longest statement', parse: wholeNumber(10, 600_000), default: '5000' }),
  DATABASE_CONNECT_TIMEOUT_MS: variable({ about: 'the longest wait for a connection', parse: wholeNumber(10, 60_000), default: '2000' }),
  REDIS_URL: variable({
    about: 'Redis or Valkey, with maxmemory-policy noeviction',
    parse: url('redis', 'rediss'),
    example: 'redis://127.0.0.1:6379',
    secret: true,
  }),
  S3_ENDPOINT: variable({ about: 'URL of the object store; empty = AWS', parse: optional(url('http', 'https')), default: '' }),
  S3_PUBLIC_ENDPOINT: variable({
    about: 'what presigned URLs name, when clients reach the store by another URL; empty = S3_ENDPOINT',
    parse: optional(url('http', 'https')),
    default: '',
  }),
  S3_REGION: variable({ about: 'region of the bucket', parse: text, default: 'us-east-1' }),
  S3_BUCKET_NAME: variable({ about: 'the bucket of this environment', parse: bucketName, example: 'zapcut-dev' }),
  S3_FORCE_PATH_STYLE: variable({
    about: 'bucket in the path, not in the host name: most stores beside AWS',
    parse: yesOrNo,
    default: 'false',
  }),
  S3_SSE: variable({ about: 'encryption at rest: AES256, aws:kms, or none', parse: oneOf('AES256', 'aws:kms', 'none'), default: 'AES256' }),
  S3_KMS_KEY_ID: variable({ about: 'the key for S3_SSE=aws:kms', parse: optional(text), default: '' }),
  S3_CHECKSUMS: variable({
    about: 'when_required for stores that refuse trailing CRC32 checksums',
    parse: oneOf('when_supported', 'when_required'),
    default: 'when_supported',
  }),
  S3_SERVER_SIDE_COPY: variable({
    about: 'false = promote by reading and writing, for stores that can not copy',
    parse: yesOrNo,
    default: 'true',
  }),
  S3_MULTIPART_COPY_FROM_BYTES: variable({
    about: 'objects from this size on are copied in parallel parts',
    parse: wholeNumber(5 * MiB, 5 * 1024 * MiB),
    default: String(100 * MiB),
  }),
  S3_CALL_TIMEOUT_MS: variable({ about: 'the longest single call to the store', parse: wholeNumber(100, 600_000), default: '30000' }),
  AWS_ACCESS_KEY_ID: variable({ about: "credentials; empty = the SDK's default chain (IAM roles)", parse: optional(text), default: '' }),
  AWS_SECRET_ACCESS_KEY: variable({ about: 'belongs to AWS_ACCESS_KEY_ID', parse: optional(text), default: '', secret: true }),
  JWT_SECRET: variable({
    about:
      'verifies HS256 tokens, at least 32 bytes (openssl rand -base64 48); several by comma for rotation, the first signs; this or JWKS_URL is required',
    parse: (value) => (value === '' ? [] : secrets(value)),
    default: '',
    example: exampleJwtSecret,
    secret: true,
  }),
  JWKS_URL: variable({
    about: 'where the public keys for RS256, ES256 and EdDSA tokens are (a JWKS); empty = HS256 alone',
    parse: optional(url('http', 'https')),
    default: '',
  }),
  JWT_ALGORITHMS: variable({
    about: 'algorithms that tokens may be signed with, by comma; empty = all that there are keys for',
    parse: optional(someOf('HS256', 'RS256', 'ES256', 'EdDSA')),
    default: '',
  }),
  JWT_ISSUER: variable({ about: 'the `iss` that tokens must have; empty = any', parse: optional(text), default: '' }),
  JWT_AUDIENCE: variable({
    about: 'what the `aud` of tokens must hold; empty = any. Required with JWKS_URL, unless JWT_ALLOW_ANY_AUDIENCE',
    parse: optional(text),
    default: '',
  }),
  JWT_ALLOW_ANY_AUDIENCE: variable({
    about: 'true = with JWKS_URL, tokens that its issuer made for other services count as well',
    parse: yesOrNo,
    default: 'false',
  }),
  CORS_ORIGINS: variable({
    about: 'origins whose pages may call the gateway, by comma; empty = none',
    parse: (value) => (value === '' ? [] : origins(value)),
    default: '',
  }),
  TRUST_PROXY: variable({
    about: 'whose X-Forwarded-For counts: a number of proxies, or their networks by comma; empty = nobody',
    parse: optional(proxies),
    default: '',
  }),
  HOST: variable({ about: 'address that gateway and worker listen on', parse: text, default: '127.0.0.1' }),
  PORT: variable({ about: 'port of the gateway', parse: wholeNumber(0, 65_535), default: '3000' }),
  WORKER_PORT: variable({ about: "port of the worker's health and metrics", parse: wholeNumber(0, 65_535), default: '3001' }),
  LOG_LEVEL: variable({
    about: 'fatal, error, warn, info, debug, trace or silent',
    parse: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    default: 'info',
  }),
  WORKER_QUEUES: variable({
    about: 'lanes that this worker serves, by comma',
    parse: someOf('images', 'videos', 'training'),
    default: 'images,videos,training',
  }),
  WORKER_CONCURRENCY: variable({ about: 'jobs at once for each lane', parse: wholeNumber(1, 100), default: '4' }),
  WORKER_MAX_RUNNING_PER_USER: variable({
    about: 'jobs of one user at once in each lane of a worker, at most WORKER_CONCURRENCY - 1; 0 = that',
    parse: wholeNumber(0, 100),
    default: '0',
  }),
  WORKER_MIN_ATTEMPTS: variable({
    about: 'an upload that fails by our fault is not parked for an operator before so many tries',
    parse: wholeNumber(1, 1000),
    default: '8',
  }),
  RETRY_FOR_HOURS: variable({ about: '… and not before it has failed for so long', parse: wholeNumber(0, 8760), default: '24' }),
  RETRY_BASE_MS: variable({ about: 'wait before the second try; doubles with jitter', parse: wholeNumber(1, 600_000), default: '1000' }),
  RETRY_CAP_MS: variable({ about: 'the longest wait between two tries', parse: wholeNumber(1, 86_400_000), default: '300000' }),
  MAX_IMAGE_BYTES: variable({ about: 'largest brand_image', parse: wholeNumber(1, 1024 * MiB), default: String(10 * MiB) }),
  MAX_VIDEO_BYTES: variable({ about: 'largest generated_video', parse: wholeNumber(1, 40 * 1024 * MiB), default: String(500 * MiB) }),
  MAX_TRAINING_BYTES: variable({ about: 'largest lora_training', parse: wholeNumber(1, 40 * 1024 * MiB), default: String(2048 * MiB) }),
  MAX_IMAGE_PIXELS: variable({
    about: 'most pixels of a picture, all frames together; read from its header before a pixel is decoded',
    parse: wholeNumber(1, 1_000_000_000),
    default: '100000000',
  }),
  INSPECT_PICTURE_SECONDS: variable({
    about: 'the longest that reading a picture may take by the clock; then the machine counts as too slow, and it is read again later',
    parse: wholeNumber(1, 3600),
    default: '60',
  }),
  INSPECT_VIDEO_SECONDS: variable({ about: 'likewise for a video', parse: wholeNumber(1, 3600), default: '120' }),
  INSPECT_ARCHIVE_SECONDS: variable({
    about: 'likewise for an archive, from one entry to the next',
    parse: wholeNumber(1, 3600),
    default: '120',
  }),
  INSPECT_PICTURE_CPU_SECONDS: variable({
    about:
      'the most processor time that reading a picture may take; then the file counts as too complex. Less than INSPECT_PICTURE_SECONDS',
    parse: wholeNumber(1, 3600),
    default: '20',
  }),
  INSPECT_VIDEO_CPU_SECONDS: variable({
    about: 'likewise for a video; less than INSPECT_VIDEO_SECONDS',
    parse: wholeNumber(1, 3600),
    default: '30',
  }),
  INSPECT_ARCHIVE_CPU_SECONDS: variable({
    about: 'likewise for an archive, from one entry to the next; less than INSPECT_ARCHIVE_SECONDS',
    parse: wholeNumber(1, 3600),
    default: '30',
  }),
  INSPECT_MEMORY_MIB: variable({
    about: 'most MiB of one inspector process; a picture of 100 megapixels needs up to 924',
    parse: wholeNumber(150, 65_536),
    default: '1024',
  }),
  RATE_LIMIT_FILES_PER_HOUR: variable({
    about: 'files that one user may upload in an hour',
    parse: wholeNumber(1, 100_000),
    default: '100',
  }),
  PARKED_BYTES_PER_USER: variable({
    about: 'bytes of failed uploads that are kept of one user until an operator decides; beyond them new files of that user are refused',
    parse: wholeNumber(1, 1_000_000 * MiB),
    default: String(10 * 1024 * MiB),
  }),
  REQUESTS_PER_MINUTE: variable({
    about: 'requests that one user, or one address without a token, may send in a minute',
    parse: wholeNumber(1, 10_000_000),
    default: '6000',
  }),
  PRESIGN_DEFAULT_HOURS: variable({
    about: 'life of a presigned URL when the caller names none',
    parse: wholeNumber(1, 168),
    default: '24',
  }),
  PRESIGN_MAX_HOURS: variable({ about: 'the longest life a caller may ask for', parse: wholeNumber(1, 168), default: '168' }),
  UPLOAD_MAX_SECONDS: variable({ about: 'the longest upload request', parse: wholeNumber(1, 86_400), default: '3600' }),
  IDEMPOTENCY_LEASE_SECONDS: variable({
    about: 'a repeatable request whose gateway is silent for so long may be taken over',
    parse: wholeNumber(3, 3600),
    default: '30',
  }),
  UPLOAD_IDLE_SECONDS: variable({ about: 'an upload that sends no byte for so long is ended', parse: wholeNumber(1, 3600), default: '30' }),
  UPLOAD_MIN_BYTES_PER_SECOND: variable({
    about: 'an upload that is slower over a minute is ended; 0 = never',
    parse: wholeNumber(0, 1024 * MiB),
    default: '1024',
  }),
  MAX_FILES_IN_FLIGHT: variable({
    about: 'files that one gateway takes in at once; active users share them',
    parse: wholeNumber(1, 10_000),
    default: '64',
  }),
  LEASE_SECONDS: variable({
    about: 'an upload whose worker is silent for so long is taken over',
    parse: wholeNumber(1, 86_400),
    default: '60',
  }),
  SWEEP_INTERVAL_SECONDS: variable({ about: 'how often stuck uploads are looked for', parse: wholeNumber(1, 86_400), default: '15' }),
  SWEEP_REST_SECONDS: variable({
    about: 'the pause between two passes of the sweeper through all objects, unused assets and old uploads',
    parse: wholeNumber(0, 604_800),
    default: '3600',
  }),
  SWEEP_MAX_REMOVALS: variable({ about: 'the most that one sweep may delete', parse: wholeNumber(1, 1_000_000), default: '1000' }),
  UNUSED_ASSET_DAYS: variable({
    about: 'assets that no brand shows and nobody accessed for so long expire, training sets never; 0 = none does',
    parse: wholeNumber(0, 36_500),
    default: '90',
  }),
  UNUSED_ASSET_GRACE_DAYS: variable({
    about: 'for so long an unused asset is marked before it is deleted; any access saves it',
    parse: wholeNumber(0, 3650),
    default: '7',
  }),
  UPLOAD_RECORD_DAYS: variable({
    about: 'finished uploads are forgotten after so long, parked ones never; their jobs are then unknown',
    parse: wholeNumber(1, 36_500),
    default: '30',
  }),
  PIPELINE_RING_AFTER_SECONDS: variable({
    about: "how old a video in the pipeline's inbox must be before the sweeper rings for it in its producer's place",
    parse: wholeNumber(0, 86_400),
    default: '60',
  }),
  PIPELINE_MAX_RUNNING_PER_PROJECT: variable({
    about:
      "the pipeline's videos of one project that may be worked on at once, over all workers; fewer than these can take, else a flood of one project holds up the others; 0 = no bound",
    parse: wholeNumber(0, 1000),
    default: '3',
  }),
  PIPELINE_SOURCE_BUCKETS: variable({
    about: 'buckets beside our own from which videos may be fetched, by comma; empty = none',
    parse: (value) => (value === '' ? [] : bucketNames(value)),
    default: '',
  }),
  WEBHOOK_URLS: variable({
    about: 'endpoints that are told of events, https://, by comma or space; empty = none',
    parse: webhookUrls,
    default: '',
    secret: true,
  }),
  WEBHOOK_SECRETS: variable({
    about: 'for each of WEBHOOK_URLS, in their order, what signs for it (whsec_…); two joined by a vertical bar for rotation, both sign',
    parse: webhookSecrets,
    default: '',
    secret: true,
  }),
  WEBHOOK_ALLOW_PRIVATE: variable({
    about: 'true = endpoints may be in private networks, and may be http://',
    parse: yesOrNo,
    default: 'false',
  }),
  WEBHOOK_CONCURRENCY: variable({
    about: 'events that one worker tells one endpoint at once',
    parse: wholeNumber(1, 100),
    default: '4',
  }),
  ACCESS_LOG_IP_HASH_KEY: variable({
    about: 'with it the access log keeps an HMAC of the address that asked, at least 32 bytes; empty = nothing of it',
    parse: optional(secret),
    default: '',
    secret: true,
  }),
  ACCESS_LOG_DAYS: variable({
    about: 'months of the access log that ended longer ago are dropped',
    parse: wholeNumber(1, 36_500),
    default: '400',
  }),
  EVENT_DAYS: variable({
    about: 'events are kept for so long; webhooks are tried for 3 days, so 4 at least',
    parse: wholeNumber(4, 36_500),
    default: '30',
  }),
  SHUTDOWN_NOT_READY_SECONDS: variable({
    about: 'at SIGTERM a gateway says for so long that it is not ready, and still serves, before it takes no more',
    parse: wholeNumber(0, 600),
    default: '5',
  }),
  SHUTDOWN_GRACE_S: variable({ about: 'what is in flight may finish for so long at SIGTERM', parse: wholeNumber(0, 3600), default: '25' }),
} as const

export type VariableName = keyof typeof variables

export const variableNames = Object.keys(variables) as VariableName[]

export type ValueOf<N extends VariableName> = (typeof variables)[N] extends Variable<infer T> ? T : never
