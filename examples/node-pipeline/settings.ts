import { readFileSync } from 'node:fs'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'

export interface Settings {
  redisUrl: string
  bucket: string
  s3: S3Client
  /** Address of the gateway. */
  airlock: string
  /** A token with the scope `service`. */
  token: string
}

/** Reads the environment first, then the settings of a running `npm start`. */
export function readSettings(): Settings {
  const stack = runningStack()
  const setting = (name: string): string => process.env[name] ?? stack.environment[name] ?? missing(name)
  const optional = (name: string): string => process.env[name] ?? stack.environment[name] ?? ''
  const s3: S3ClientConfig = { region: setting('S3_REGION'), forcePathStyle: optional('S3_FORCE_PATH_STYLE') === 'true' }
  if (optional('S3_ENDPOINT') !== '') s3.endpoint = optional('S3_ENDPOINT')
  if (optional('AWS_ACCESS_KEY_ID') !== '') {
    s3.credentials = { accessKeyId: setting('AWS_ACCESS_KEY_ID'), secretAccessKey: setting('AWS_SECRET_ACCESS_KEY') }
  }
  return {
    redisUrl: setting('REDIS_URL'),
    bucket: setting('S3_BUCKET_NAME'),
    s3: new S3Client(s3),
    airlock: process.env.AIRLOCK ?? stack.processes.gateway?.url ?? missing('AIRLOCK'),
    token: setting('TOKEN'),
  }
}

interface Stack {
  environment: Record<string, string>
  processes: { gateway?: { url: string } }
}

function runningStack(): Stack {
  try {
    return JSON.parse(readFileSync(`${process.env.AIRLOCK_DATA_DIR ?? '.airlock'}/stack.json`, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { environment: {}, processes: {} }
  }
}

function missing(name: string): never {
  throw new Error(`${name} is missing: set it, or run this in the folder in which 'npm start' runs`)
}
