import { expect, test } from 'vitest'
import { readGatewayConfig } from '../../src/config.ts'

const sound = {
  DATABASE_URL: 'postgres://db/airlock',
  REDIS_URL: 'redis://redis',
  S3_BUCKET_NAME: 'zapcut-dev',
  JWT_SECRET: 'x'.repeat(32),
}

test('a gateway requires only database, Redis, bucket and secret', () => {
  expect(readGatewayConfig(sound).PORT).toBe(3000)
  expect(() => readGatewayConfig({})).toThrow(
    /4 settings need a look:\n {2}DATABASE_URL .*\n {2}REDIS_URL .*\n {2}S3_BUCKET_NAME .*\n {2}JWT_SECRET /,
  )
})

test('a gateway checks its own settings, and not those of the worker', () => {
  expect(() => readGatewayConfig({ ...sound, PORT: 'http', UPLOAD_IDLE_SECONDS: '0' })).toThrow(/2 settings/)
  expect(() => readGatewayConfig({ ...sound, WORKER_CONCURRENCY: 'many' })).not.toThrow()
})
