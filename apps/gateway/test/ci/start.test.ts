import { expect, test } from 'vitest'
import { run, running } from '../program.ts'

test('with an empty environment it does not start, and lists all required settings', async () => {
  const { code, out, err } = await run({}).ended

  expect(code).toBe(1)
  expect(out).toBe('')
  expect(err).toMatch(/^Airlock can't start, 4 settings need a look:/)
  for (const name of ['DATABASE_URL', 'REDIS_URL', 'S3_BUCKET_NAME', 'JWT_SECRET'])
    expect(err).toMatch(new RegExp(`^ {2}${name} +is missing`, 'm'))
})

test('with malformed settings it does not start, lists all of them, and shows no secret', async () => {
  const { code, err } = await run({
    DATABASE_URL: 'mysql://airlock:hunter2@db/airlock',
    REDIS_URL: 'redis://127.0.0.1:6379',
    S3_BUCKET_NAME: 'Not A Bucket',
    JWT_SECRET: 'hunter2',
    PORT: 'http',
    TRUST_PROXY: 'true',
    CORS_ORIGINS: '*',
  }).ended

  expect(code).toBe(1)
  expect(
    err
      .match(/^ {2}(\w+)/gm)
      ?.map((name) => name.trim())
      .toSorted(),
  ).toEqual(['CORS_ORIGINS', 'DATABASE_URL', 'JWT_SECRET', 'PORT', 'S3_BUCKET_NAME', 'TRUST_PROXY'])
  expect(err).not.toContain('hunter2')
})

test.for(['read to the end', 'closed before'] as const)('SIGTERM ends it in order with code 0 if its output is %s', async (reader) => {
  const gateway = await running()
  try {
    if (reader === 'closed before') gateway.child.stdout?.destroy()

    gateway.child.kill('SIGTERM')

    expect((await gateway.ended).code).toBe(0)
    if (reader === 'read to the end') {
      const lines = gateway.logged().map(({ msg }) => msg)
      expect(lines).toContain('gateway stopping')
      expect(lines.at(-1)).toBe('gateway stopped')
    }
  } finally {
    await gateway.drop()
  }
})
