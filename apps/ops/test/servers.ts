import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { finalKey, quarantineKey, refusal } from '@airlock/domain'
import { privateServer } from '@airlock/testkit'
import { openServers, type Servers } from '@airlock/testkit/airlock'
import type { Command } from '../src/command.ts'

/** The servers of one test file. The commands use the queues under their real names, so Redis is a separate one. */
export interface OpsServers extends Servers {
  readonly redisUrl: string
  readonly env: Record<string, string>
  /** Runs a command. @param answer what is typed at its question; absent: there is no terminal */
  runs(command: Command, args: readonly string[], options?: { answer?: string; env?: Record<string, string> }): Promise<Ran>
}

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly asked: readonly string[]
}

export async function openOpsServers(): Promise<OpsServers> {
  const [servers, redis] = await Promise.all([openServers(), privateServer('redis')])
  const { bucket } = servers
  const env = {
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: redis.address.url,
    S3_ENDPOINT: bucket.endpoint,
    S3_REGION: bucket.region,
    S3_FORCE_PATH_STYLE: 'true',
    S3_BUCKET_NAME: bucket.bucket,
    AWS_ACCESS_KEY_ID: bucket.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
    PIPELINE_RING_AFTER_SECONDS: '0',
  }
  return {
    ...servers,
    redisUrl: redis.address.url,
    env,
    async runs(command, args, { answer, env: other } = {}) {
      const [out, err, asked]: [string[], string[], string[]] = [[], [], []]
      const ask = async (question: string) => {
        asked.push(question)
        return answer ?? ''
      }
      const io = {
        env: { ...env, ...other },
        out: (text: string) => out.push(text),
        err: (text: string) => err.push(text),
        ...(answer !== undefined && { ask }),
      }
      const code = await command.run([...args], io)
      return { code, out: out.join('\n'), err: err.join('\n'), asked }
    },
    close: async () => {
      await servers.close()
      await redis.drop()
    },
  }
}

/** An accepted picture of a user, with its bytes in quarantine. */
export async function accepts({ database, store }: Servers, given: { userId?: string; filename?: string } = {}): Promise<string> {
  const { userId = randomUUID(), filename = 'logo.png' } = given
  const id = randomUUID()
  const key = quarantineKey(id)
  const bytes = Readable.from([Buffer.from('bytes')], { objectMode: false })
  const { etag } = await store.receive(key, bytes, { nonce: id })
  const upload = { id, userId, door: 'form', filename, declaredType: 'image/png', quarantineKey: key, nonce: id, requestId: null } as const
  await database.uploads.register(upload, { filesPerHour: 100_000 })
  const final = {
    uploadId: id,
    userId,
    assetType: 'brand_image',
    projectId: null,
    brandId: null,
    filename,
    acceptedAt: new Date(),
  } as const
  await database.uploads.accept([
    {
      ...{ id, assetType: 'brand_image', projectId: null, brandId: null, detectedType: 'image/png', finalKey: finalKey(final) },
      ...{ sizeBytes: 5, contentHash: 'a'.repeat(64), etag },
    },
  ])
  return id
}

/** An upload that waits for an operator. */
export async function parks(servers: Servers, given: { userId?: string; filename?: string } = {}): Promise<string> {
  const id = await accepts(servers, given)
  const { uploads } = servers.database
  const attempt = await uploads.claim(id, { leaseSeconds: 60 })
  if (!attempt.claimed) throw new Error('not claimed')
  await uploads.park(attempt.claim, refusal('processing_failed', { filename: given.filename ?? 'logo.png' }), 'S3 answered 500')
  return id
}
