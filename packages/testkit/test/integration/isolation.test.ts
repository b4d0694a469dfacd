import { s3Client } from '@airlock/dev-servers'
import { CreateMultipartUploadCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, test } from 'vitest'
import { isolatedBucket, isolatedDatabase, isolatedQueuePrefix } from '../../src/index.ts'

test('two databases of a run are separate, and can be dropped in spite of connections', async () => {
  const [one, other] = await Promise.all([isolatedDatabase(), isolatedDatabase()])
  const [here, there] = await Promise.all([connected(one.url), connected(other.url)])

  await here.query('create table here (id int)')
  const { rows } = await there.query<{ found: string | null }>(`select to_regclass('here') as found`)
  await Promise.all([one.drop(), other.drop()])

  expect(rows).toEqual([{ found: null }])
  await expect(connected(one.url)).rejects.toThrow(/does not exist/)
})

test('a bucket lists its keys, and can be dropped with objects in it', async () => {
  const bucket = await isolatedBucket()
  const client = s3Client(bucket)
  await client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: 'quarantine/one', Body: 'x' }))
  await client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: 'other', Body: 'x' }))
  expect(await bucket.keys()).toEqual(['other', 'quarantine/one'])
  expect(await bucket.keys('quarantine/')).toEqual(['quarantine/one'])

  await bucket.drop()
  await expect(bucket.keys()).rejects.toMatchObject({ name: 'NoSuchBucket' })
  client.destroy()
})

test('a bucket lists its open multipart uploads, and can be dropped with them', async () => {
  const bucket = await isolatedBucket()
  const client = s3Client(bucket)
  await client.send(new CreateMultipartUploadCommand({ Bucket: bucket.bucket, Key: 'quarantine/big' }))

  expect(await bucket.openMultipartUploads()).toEqual(['quarantine/big'])

  await bucket.drop()
  await expect(bucket.keys()).rejects.toMatchObject({ name: 'NoSuchBucket' })
  client.destroy()
})

test('dropping a queue prefix removes only its keys', async () => {
  const [mine, yours] = [isolatedQueuePrefix(), isolatedQueuePrefix()]
  const redis = new Redis(mine.redisUrl)
  await redis.mset(`${mine.prefix}:a`, '1', `${mine.prefix}:b`, '1', `${yours.prefix}:a`, '1')

  await mine.drop()

  expect(await redis.exists(`${mine.prefix}:a`, `${mine.prefix}:b`)).toBe(0)
  expect(await redis.exists(`${yours.prefix}:a`)).toBe(1)
  await yours.drop()
  redis.disconnect()
})

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}
