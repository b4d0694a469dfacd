import { randomUUID } from 'node:crypto'
import { type IsolatedBucket, isolatedBucket, isolatedDatabase } from '@airlock/testkit'
import {
  DeleteBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  PutBucketLifecycleConfigurationCommand,
} from '@aws-sdk/client-s3'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../src/command.ts'
import { bucketCommand } from '../../src/commands/bucket/index.ts'
import { settle } from '../../src/commands/bucket/setting.ts'
import { tlsOnly } from '../../src/commands/bucket/settings/tls-only.ts'
import { clientFor } from '../../src/commands/probe/s3-target.ts'

let bucket: IsolatedBucket
let client: ReturnType<typeof clientFor>

beforeEach(async () => {
  bucket = await isolatedBucket()
  client = clientFor(target(), 'WHEN_REQUIRED')
})
afterEach(async () => {
  client.destroy()
  await bucket.drop()
})

const target = () => ({
  endpoint: bucket.endpoint,
  region: bucket.region,
  forcePathStyle: true,
  credentials: { accessKeyId: bucket.accessKeyId, secretAccessKey: bucket.secretAccessKey },
})

async function run(...args: string[]) {
  return runWith({}, ...args)
}

async function runWith(more: Record<string, string>, ...args: string[]) {
  const printed = { out: [] as string[], err: [] as string[] }
  const env = {
    S3_ENDPOINT: bucket.endpoint,
    S3_REGION: bucket.region,
    S3_FORCE_PATH_STYLE: 'true',
    S3_BUCKET_NAME: bucket.bucket,
    AWS_ACCESS_KEY_ID: bucket.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
    ...more,
  }
  const exitCode = await bucketCommand.run(args, { env, out: (text) => printed.out.push(text), err: (text) => printed.err.push(text) })
  return { exitCode, out: printed.out.join('\n'), err: printed.err.join('\n') }
}

test('checking reports differences, setting removes them', async () => {
  const before = await run('--check')
  const setting = await run('--apply')
  const after = await run('--check')

  expect(before.exitCode).toBe(1)
  expect(before.out).toMatch(/^lifecycle: .* differs +no rules$/m)
  expect(setting).toMatchObject({ exitCode: 0, err: expect.stringContaining('not logged: DATABASE_URL is not set') })
  expect(setting.out).toMatch(/^default encryption +set +AES256$/m)
  expect(setting.out).toMatch(/^lifecycle: .* set$/m)
  expect(after.exitCode).toBe(0)
  expect(after.err).toBe(`Bucket ${bucket.bucket} on ${bucket.endpoint}`)
})

test('what is set is logged if the database is known', async ({ onTestFinished }) => {
  const { url, drop } = await isolatedDatabase()
  onTestFinished(drop)
  const sql = new Client({ connectionString: url })
  await sql.connect()
  try {
    const env = { DATABASE_URL: url }
    await runWith(env, '--check')
    const { out } = await runWith(env, '--apply', '--by', 'kim', '--reason', 'new bucket', '--json')
    await runWith(env, '--apply')

    const changed = JSON.parse(out)
      .settings.filter(({ outcome }: { outcome: string }) => outcome === 'set')
      .map(({ setting }: { setting: string }) => setting)
    expect(changed).toHaveLength(2)
    expect((await sql.query('select operator, action, reason, details from ops_log')).rows).toEqual([
      { operator: 'kim', action: 'apply', reason: 'new bucket', details: { bucket: bucket.bucket, changed } },
    ])
  } finally {
    await sql.end()
  }
  expect(await runWith({ DATABASE_URL: 'postgres://airlock@127.0.0.1:1/airlock' }, '--apply')).toMatchObject({ exitCode: 0 })
})

test('an existing lifecycle rule is kept', async () => {
  const theirs = { ID: 'logs', Status: 'Enabled' as const, Filter: { Prefix: 'logs/' }, Expiration: { Days: 30 } }
  await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket: bucket.bucket, LifecycleConfiguration: { Rules: [theirs] } }))

  await run('--apply')

  const { Rules = [] } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket.bucket }))
  expect(Rules.map(({ ID }) => ID).toSorted()).toEqual(['airlock-incomplete-uploads', 'logs'])
  expect(Rules.find(({ ID }) => ID === 'logs')).toMatchObject(theirs)
})

test('a store that does not see our TLS does not lock us out', async () => {
  const context = { client, bucket: bucket.bucket, encryption: 'AES256' as const, kmsKeyId: null, corsOrigins: [] }
  const seemsEncrypted = { ...target(), endpoint: 'https://proxy.example.com' }

  const line = await settle(tlsOnly, { ...context, target: seemsEncrypted }, { apply: true })

  expect(line).toMatchObject({ outcome: 'failed', remark: expect.stringContaining('does not see the TLS') })
  await expect(client.send(new GetBucketPolicyCommand({ Bucket: bucket.bucket }))).rejects.toThrow()
  expect(await bucket.keys()).toEqual([])
})

test('a missing bucket is reported, and created on request', async () => {
  const name = `airlock-test-${randomUUID()}`

  const checking = await run('--check', '--bucket', name)
  expect(checking).toMatchObject({ exitCode: 1, out: `the bucket  differs  ${name} does not exist` })

  try {
    const setting = await run('--apply', '--bucket', name)
    expect(setting.out).toMatch(new RegExp(`^the bucket +set +${name}$`, 'm'))
  } finally {
    await client.send(new DeleteBucketCommand({ Bucket: name }))
  }
})

test('a key without permission is reported as failed, and nothing else is tried', async () => {
  const outcome = await run('--check', '--secret-key', 'wrong')

  expect(outcome).toMatchObject({ exitCode: 1, out: expect.stringMatching(/^the bucket {2}failed {2}.*\(403\)$/) })
})

test.for([[], ['--check', '--apply']])('arguments %j are refused: exactly one of both is required', async (args) => {
  await expect(run(...args)).rejects.toThrow(UsageError)
})
