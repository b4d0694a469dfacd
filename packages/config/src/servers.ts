import type { Config } from './read-config.ts'

/** Settings as options of `openDatabase`, `s3ObjectStore`, inspection and the sweeper. */

export const databaseVariables = [
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'DATABASE_STATEMENT_TIMEOUT_MS',
  'DATABASE_CONNECT_TIMEOUT_MS',
  'DATABASE_PREPARED_STATEMENTS',
] as const

export const databaseSettings = (config: Config<(typeof databaseVariables)[number]>) => ({
  url: config.DATABASE_URL,
  poolSize: config.DATABASE_POOL_SIZE,
  statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
  connectTimeoutMs: config.DATABASE_CONNECT_TIMEOUT_MS,
  preparedStatements: config.DATABASE_PREPARED_STATEMENTS,
})

export const storeVariables = [
  'S3_ENDPOINT',
  'S3_PUBLIC_ENDPOINT',
  'S3_REGION',
  'S3_BUCKET_NAME',
  'S3_FORCE_PATH_STYLE',
  'S3_SSE',
  'S3_KMS_KEY_ID',
  'S3_CHECKSUMS',
  'S3_SERVER_SIDE_COPY',
  'S3_MULTIPART_COPY_FROM_BYTES',
  'S3_CALL_TIMEOUT_MS',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
] as const

export const storeSettings = (config: Config<(typeof storeVariables)[number]>) => ({
  bucket: config.S3_BUCKET_NAME,
  region: config.S3_REGION,
  endpoint: config.S3_ENDPOINT ?? undefined,
  publicEndpoint: config.S3_PUBLIC_ENDPOINT ?? undefined,
  forcePathStyle: config.S3_FORCE_PATH_STYLE,
  credentials:
    config.AWS_ACCESS_KEY_ID !== null && config.AWS_SECRET_ACCESS_KEY !== null
      ? { accessKeyId: config.AWS_ACCESS_KEY_ID, secretAccessKey: config.AWS_SECRET_ACCESS_KEY }
      : undefined,
  encryption: config.S3_SSE,
  kmsKeyId: config.S3_KMS_KEY_ID ?? undefined,
  checksums: config.S3_CHECKSUMS,
  callTimeoutMs: config.S3_CALL_TIMEOUT_MS,
  multipartCopyFromBytes: config.S3_MULTIPART_COPY_FROM_BYTES,
  serverSideCopy: config.S3_SERVER_SIDE_COPY,
})

export const sizeLimitVariables = ['MAX_IMAGE_BYTES', 'MAX_VIDEO_BYTES', 'MAX_TRAINING_BYTES'] as const

/** The largest file of each kind, in bytes. */
export const sizeLimits = (config: Config<(typeof sizeLimitVariables)[number]>) => ({
  brand_image: config.MAX_IMAGE_BYTES,
  generated_video: config.MAX_VIDEO_BYTES,
  lora_training: config.MAX_TRAINING_BYTES,
})

export const inspectionVariables = [
  ...sizeLimitVariables,
  'MAX_IMAGE_PIXELS',
  'INSPECT_PICTURE_SECONDS',
  'INSPECT_VIDEO_SECONDS',
  'INSPECT_ARCHIVE_SECONDS',
  'INSPECT_PICTURE_CPU_SECONDS',
  'INSPECT_VIDEO_CPU_SECONDS',
  'INSPECT_ARCHIVE_CPU_SECONDS',
  'INSPECT_MEMORY_MIB',
  'PROVENANCE_POLICY_BRAND_IMAGE',
  'PROVENANCE_POLICY_GENERATED_VIDEO',
  'C2PA_TRUST_FILE',
] as const

/** Resource limits for the inspection of one file. */
export const inspectionSettings = (config: Config<(typeof inspectionVariables)[number]>) => ({
  maxSeconds: {
    picture: config.INSPECT_PICTURE_SECONDS,
    video: config.INSPECT_VIDEO_SECONDS,
    training_set: config.INSPECT_ARCHIVE_SECONDS,
  },
  maxCpuSeconds: {
    picture: config.INSPECT_PICTURE_CPU_SECONDS,
    video: config.INSPECT_VIDEO_CPU_SECONDS,
    training_set: config.INSPECT_ARCHIVE_CPU_SECONDS,
  },
  maxMemoryMiB: config.INSPECT_MEMORY_MIB,
  limits: {
    maxBytes: sizeLimits(config),
    maxPixels: config.MAX_IMAGE_PIXELS,
    provenance: {
      trustPem: config.C2PA_TRUST_FILE,
      policy: { brand_image: config.PROVENANCE_POLICY_BRAND_IMAGE, generated_video: config.PROVENANCE_POLICY_GENERATED_VIDEO },
    },
  },
})

export const sweepVariables = [
  'UPLOAD_MAX_SECONDS',
  'S3_CALL_TIMEOUT_MS',
  'LEASE_SECONDS',
  'SWEEP_INTERVAL_SECONDS',
  'PIPELINE_RING_AFTER_SECONDS',
  'SWEEP_REST_SECONDS',
  'SWEEP_MAX_REMOVALS',
  'UNUSED_ASSET_DAYS',
  'UNUSED_ASSET_GRACE_DAYS',
  'UPLOAD_RECORD_DAYS',
] as const

/** The sweeper's waits, ages and limits. */
export const sweepSettings = (config: Config<(typeof sweepVariables)[number]>) => ({
  enqueueAfterSeconds: config.SWEEP_INTERVAL_SECONDS,
  inboxEnqueueAfterSeconds: config.PIPELINE_RING_AFTER_SECONDS,
  receivingForSeconds: config.UPLOAD_MAX_SECONDS,
  callSeconds: Math.ceil(config.S3_CALL_TIMEOUT_MS / 1000),
  restSeconds: config.SWEEP_REST_SECONDS,
  maxRemovals: config.SWEEP_MAX_REMOVALS,
  unusedAssetDays: config.UNUSED_ASSET_DAYS,
  graceDays: config.UNUSED_ASSET_GRACE_DAYS,
  uploadRecordDays: config.UPLOAD_RECORD_DAYS,
  leaseSeconds: config.LEASE_SECONDS,
})

export const webhookVariables = ['WEBHOOK_URLS', 'WEBHOOK_SECRETS', 'WEBHOOK_ALLOW_PRIVATE', 'WEBHOOK_CONCURRENCY'] as const

/** An endpoint and its secrets: each of them signs, so that a secret can be rotated without a gap. */
export interface WebhookEndpoint {
  readonly url: string
  readonly secrets: readonly string[]
}

/** The endpoints that receive events, and how they are called. */
export const webhookSettings = (config: Config<(typeof webhookVariables)[number]>) => ({
  endpoints: config.WEBHOOK_URLS.map((url, i): WebhookEndpoint => ({ url, secrets: config.WEBHOOK_SECRETS[i] ?? [] })),
  allowPrivate: config.WEBHOOK_ALLOW_PRIVATE,
  concurrency: config.WEBHOOK_CONCURRENCY,
})
