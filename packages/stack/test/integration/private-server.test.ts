import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { postgresAnswers } from '../../src/servers/postgres.ts'
import { redisAnswers } from '../../src/servers/redis.ts'
import { s3Answers } from '../../src/servers/s3.ts'
import { isolatedBucket, privateServer } from '../../src/testing/index.ts'

test('a private Redis stops, comes back at its address, and freezes without closing connections', { timeout: 60_000 }, async () => {
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

test('a private Postgres answers nobody while it is frozen, and everybody after that', { timeout: 60_000 }, async () => {
  const server = await privateServer('postgres')
  await server.pause()
  await expect(postgresAnswers(server.address.url)).rejects.toThrow(/timeout/)
  await server.resume()
  await postgresAnswers(server.address.url)
  await server.drop()
})

test('a private store keeps its objects over a stop', { timeout: 60_000 }, async () => {
  const server = await privateServer('s3')
  const bucket = await isolatedBucket(server.address)
  await server.stop()
  await expect(s3Answers(server.address)).rejects.toThrow()
  await server.start()
  expect(await bucket.keys()).toEqual([])
  await server.drop()
})
