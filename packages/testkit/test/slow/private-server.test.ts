import { postgresAnswers, redisAnswers, s3Answers, s3Client } from '@airlock/dev-servers'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { isolatedBucket, privateServer } from '../../src/index.ts'

test('a private Redis can be stopped, restarted at its address, and frozen without closing connections', { timeout: 60_000 }, async () => {
  const server = await privateServer('redis')
  await server.stop()
  await server.stop()
  await expect(redisAnswers(server.address.url)).rejects.toThrow()
  await server.start()
  await redisAnswers(server.address.url)

  await Promise.all([server.stop(), server.start()])
  await redisAnswers(server.address.url)

  const redis = new Redis(server.address.url, { commandTimeout: 300 })
  redis.on('error', () => {})
  await redis.set('kept', 'through the freeze')
  await server.pause()
  await expect(redis.get('kept')).rejects.toThrow(/timed out/)
  await server.resume()

  expect(await redis.get('kept')).toBe('through the freeze')
  redis.disconnect()
  await server.drop()
})

test('a private Postgres does not respond while it is frozen, and responds afterwards', { timeout: 60_000 }, async () => {
  const server = await privateServer('postgres')
  await server.pause()
  await expect(postgresAnswers(server.address.url)).rejects.toThrow(/timeout/)
  await server.resume()
  await postgresAnswers(server.address.url)
  await server.drop()
})

test('a private Postgres keeps committed data after a crash', { timeout: 60_000 }, async () => {
  const server = await privateServer('postgres')
  for (let crash = 1; crash <= 3; crash += 1) {
    const client = new Client({ connectionString: server.address.url })
    client.on('error', () => {})
    await client.connect()
    await client.query('set synchronous_commit = on')
    await client.query('create table if not exists kept (crash integer)')
    await client.query('insert into kept values ($1)', [crash])
    expect((await client.query('select * from kept')).rowCount).toBe(crash)
    await server.crash()
    await expect(postgresAnswers(server.address.url)).rejects.toThrow()
    await client.end().catch(() => {})
    await server.start()
  }
  await server.drop()
})

test('a private store keeps confirmed objects after a crash', { timeout: 60_000 }, async () => {
  const server = await privateServer('s3')
  const bucket = await isolatedBucket(server.address)
  const client = s3Client(server.address)
  for (let crash = 1; crash <= 3; crash += 1) {
    await client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: `kept-${crash}`, Body: Buffer.alloc(100_000, crash) }))
    await server.crash()
    await expect(s3Answers(server.address)).rejects.toThrow()
    await server.start()
    expect(await bucket.keys()).toHaveLength(crash)
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket.bucket, Key: `kept-${crash}` }))
    expect(await Body?.transformToByteArray()).toEqual(new Uint8Array(100_000).fill(crash))
  }
  client.destroy()
  await server.drop()
})

test('a private store keeps its objects after a stop', { timeout: 60_000 }, async () => {
  const server = await privateServer('s3')
  const bucket = await isolatedBucket(server.address)
  await server.stop()
  await expect(s3Answers(server.address)).rejects.toThrow()
  await server.start()
  expect(await bucket.keys()).toEqual([])
  await server.drop()
})
