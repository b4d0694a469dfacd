import { type Environment, readConfig } from '@airlock/config'
import { type ObjectStore, s3ObjectStore } from '@airlock/storage'
import { S3Client } from '@aws-sdk/client-s3'

/** Options that select a store. Defaults come from the environment. */
export const targetOptions = {
  endpoint: { type: 'string' },
  region: { type: 'string' },
  'access-key': { type: 'string' },
  'secret-key': { type: 'string' },
  'virtual-host': { type: 'boolean', default: false },
} as const

export const targetUsage = `  --endpoint      URL of the store; default: S3_ENDPOINT, else Amazon S3
  --region        region; default: S3_REGION
  --access-key    default: AWS_ACCESS_KEY_ID, else the credential chain of the AWS SDK
  --secret-key    the secret of --access-key
  --virtual-host  with --endpoint: the bucket in the host name instead of the path`

export interface TargetFlags {
  endpoint?: string | undefined
  region?: string | undefined
  'access-key'?: string | undefined
  'secret-key'?: string | undefined
  'virtual-host'?: boolean | undefined
}

export interface S3Target {
  readonly endpoint: string | null
  readonly region: string
  readonly forcePathStyle: boolean
  readonly credentials: { accessKeyId: string; secretAccessKey: string } | null
}

/**
 * The store that options and environment select.
 *
 * @throws ConfigError naming each setting that is malformed
 */
export function readTarget(env: Environment, flags: TargetFlags): S3Target {
  const config = readConfig(
    {
      ...env,
      ...given('S3_ENDPOINT', flags.endpoint),
      ...given('S3_REGION', flags.region),
      ...given('AWS_ACCESS_KEY_ID', flags['access-key']),
      ...given('AWS_SECRET_ACCESS_KEY', flags['secret-key']),
      ...(flags.endpoint !== undefined && { S3_FORCE_PATH_STYLE: String(!flags['virtual-host']) }),
    },
    ['S3_ENDPOINT', 'S3_REGION', 'S3_FORCE_PATH_STYLE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
  )
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = config
  return {
    endpoint: config.S3_ENDPOINT,
    region: config.S3_REGION,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    credentials: accessKeyId !== null && secretAccessKey !== null ? { accessKeyId, secretAccessKey } : null,
  }
}

const given = (name: string, value: string | undefined): Record<string, string> => (value === undefined ? {} : { [name]: value })

export const nameOf = ({ endpoint, region }: S3Target): string => endpoint ?? `Amazon S3 in ${region}`

const connectTimeoutMs = 3_000
const requestTimeoutMs = 15_000

/**
 * A client for a command, with timeouts and two attempts. The caller destroys it.
 *
 * @param checksums whether requests have CRC32 checksums wherever S3 supports them
 */
export const clientFor = ({ endpoint, credentials, ...rest }: S3Target, checksums: 'WHEN_SUPPORTED' | 'WHEN_REQUIRED'): S3Client =>
  new S3Client({
    ...rest,
    ...(endpoint !== null && { endpoint }),
    ...(credentials !== null && { credentials }),
    maxAttempts: 2,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    expectContinueHeader: false,
    requestHandler: { connectionTimeout: connectTimeoutMs, requestTimeout: requestTimeoutMs, throwOnRequestTimeout: true },
  })

/** The store as Airlock uses it, without encryption. The caller closes it. */
export const storeFor = ({ endpoint, credentials, region, forcePathStyle }: S3Target, bucket: string): ObjectStore =>
  s3ObjectStore({
    ...{ bucket, region, forcePathStyle, endpoint: endpoint ?? undefined, credentials: credentials ?? undefined },
    encryption: 'none',
    checksums: 'when_required',
    callTimeoutMs: requestTimeoutMs,
    multipartCopyFromBytes: 5 * 1024 ** 3,
    serverSideCopy: true,
  })

/** A short form of an error: `NoSuchBucket (404)`, `ECONNREFUSED`, or the message of an error of our own. */
export function briefly(error: unknown): string {
  const { name, code, message, $metadata } = error as { name?: string; code?: unknown; message?: string } & Answered
  if (typeof code === 'string') return code
  const title = name === 'Error' || name === undefined ? (message ?? String(error)) : name
  return $metadata?.httpStatusCode === undefined ? title : `${title} (${$metadata.httpStatusCode})`
}

interface Answered {
  $metadata?: { httpStatusCode?: number }
}

/** The HTTP status of a store's response, or null if there was none. */
export const httpStatusOf = (error: unknown): number | null => (error as Answered).$metadata?.httpStatusCode ?? null
