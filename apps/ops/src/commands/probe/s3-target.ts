import { type Environment, readConfig } from '@airlock/config'
import { S3Client } from '@aws-sdk/client-s3'

/** Flags that name a store, for every command that talks to one. What is not given comes from the environment. */
export const targetOptions = {
  endpoint: { type: 'string' },
  region: { type: 'string' },
  'access-key': { type: 'string' },
  'secret-key': { type: 'string' },
  'virtual-host': { type: 'boolean', default: false },
} as const

export const targetUsage = `  --endpoint      URL of the store; without it S3_ENDPOINT, and without that Amazon S3
  --region        region; without it S3_REGION
  --access-key    without it AWS_ACCESS_KEY_ID, and without that the default chain of the AWS SDK
  --secret-key    belongs to --access-key
  --virtual-host  with --endpoint: the bucket stands in the host name, not in the path`

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
 * Which store is meant.
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
 * A client for the errands of a command: bounded in time, two tries. The caller destroys it.
 *
 * @param checksums whether bodies carry CRC32s wherever S3 takes them
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

/** What went wrong, in a few words: `NoSuchBucket (404)`, `ECONNREFUSED`, or the message of an error of our own. */
export function inShort(error: unknown): string {
  const { name, code, message, $metadata } = error as { name?: string; code?: unknown; message?: string } & Answered
  if (typeof code === 'string') return code
  const title = name === 'Error' || name === undefined ? (message ?? String(error)) : name
  return $metadata?.httpStatusCode === undefined ? title : `${title} (${$metadata.httpStatusCode})`
}

interface Answered {
  $metadata?: { httpStatusCode?: number }
}

/** The HTTP status of a store's answer, or null when there was none. */
export const statusOf = (error: unknown): number | null => (error as Answered).$metadata?.httpStatusCode ?? null
