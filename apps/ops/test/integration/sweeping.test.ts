import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { readConfig, storeSettings, storeVariables } from '@airlock/config'
import { quarantineKey } from '@airlock/domain'
import { s3ObjectStore } from '@airlock/storage'
import { deleteAllRows, givenStack, isolatedBucket, isolatedDatabase } from '@airlock/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Command, UsageError } from '../../src/command.ts'
import { expiringCommand } from '../../src/commands/expiring.ts'
import { sweepCommand } from '../../src/commands/sweep.ts'
import { verifyCommand } from '../../src/commands/verify.ts'

let env: Record<string, string>
let sql: Client
let keys: () => Promise<string[]>
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const [database, bucket] = await Promise.all([isolatedDatabase(), isolatedBucket()])
  sql = new Client({ connectionString: database.url })
  await sql.connect()
  keys = () => bucket.keys()
  env = {
    DATABASE_URL: database.url,
    REDIS_URL: givenStack().redis.url,
    S3_ENDPOINT: bucket.endpoint,
    S3_REGION: bucket.region,
    S3_FORCE_PATH_STYLE: 'true',
    S3_BUCKET_NAME: bucket.bucket,
    S3_SSE: 'none',
    AWS_ACCESS_KEY_ID: bucket.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
    UPLOAD_MAX_SECONDS: '1',
    S3_CALL_TIMEOUT_MS: '1000',
    LEASE_SECONDS: '1',
  }
  ends.push(() => sql.end(), database.drop, bucket.drop)
})
afterAll(async () => {
  for (const end of ends) await end()
})
beforeEach(async () => {
  await deleteAllRows(sql)
})

async function puts(key: string): Promise<void> {
  const store = s3ObjectStore(storeSettings(readConfig(env, storeVariables)))
  await store.receive(key, Readable.from([Buffer.from('bytes')], { objectMode: false }), { nonce: 'n' })
  store.close()
}

async function runs(command: Command, ...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await command.run(args, { env, out: (text) => out.push(text), err: (text) => err.push(text) })
  return { code, out, err }
}

/** Stores a leftover object of an abandoned upload, and waits until it is old enough to be removed. @returns its key */
async function leftover(): Promise<string> {
  const id = randomUUID()
  const key = quarantineKey(id)
  await puts(key)
  await sql.query(
    `insert into uploads (id, user_id, state, door, original_filename, declared_type, quarantine_key, nonce)
     values ($1, $1, 'receiving', 'form', 'a.png', 'image/png', $2, 'n')`,
    [id, key],
  )
  await sql.query(
    `update uploads set state = 'abandoned', abandoned_at = now(), error_code = 'upload_interrupted', error_title = 'e', error_detail = 'd' where id = $1`,
    [id],
  )
  await expect.poll(async () => (await runs(sweepCommand, '--dry-run')).out.join('\n'), { timeout: 10_000 }).toContain(key)
  return key
}

test('a dry sweep reports what it would do without changes; a sweep does it', async () => {
  const key = await leftover()
  const dry = await runs(sweepCommand, '--dry-run')
  expect(dry.out.find((line) => line.startsWith('leftovers'))).toBe('leftovers  would move 1')
  expect(await keys()).toEqual([key])
  expect((await sql.query('select from sweeper')).rowCount).toBe(0)

  expect((await sql.query('select from ops_log')).rowCount).toBe(0)
  const { actions, ...totals } = JSON.parse((await runs(sweepCommand, '--dry-run', '--json')).out.join('\n'))
  expect(actions).toMatchObject([{ message: expect.any(String), rule: 'leftovers' }])
  expect(totals).toMatchObject({ dry_run: true, swept: true, rules: { leftovers: 1, waiting: 0 }, failure: null })

  const wet = await runs(sweepCommand, '--by', 'kim', '--reason', 'tidy')
  expect(wet).toMatchObject({ code: 0, err: [] })
  expect(wet.out.find((line) => line.startsWith('leftovers'))).toBe('leftovers  moved 1')
  expect(await keys()).toEqual([])
  expect((await sql.query('select operator, action, reason, details from ops_log')).rows).toEqual([
    { operator: 'kim', action: 'sweep', reason: 'tidy', details: { moved: { leftovers: 1 } } },
  ])
})

test('a manual sweep waits for the lease, and reports if it does not get it', async () => {
  await sql.query(`insert into sweeper (holder, lease_until) values (gen_random_uuid(), now() + interval '1 hour')`)
  expect(await runs(sweepCommand)).toMatchObject({ code: 1, err: ['Another process holds the sweep lease, nothing was done.'] })
  await sql.query(`update sweeper set lease_until = now() + interval '300 ms'`)
  expect(await runs(sweepCommand)).toMatchObject({ code: 0 })
})

test('verify lists each violation and exits with 1, repairs what is proven, and continues where it stopped', async () => {
  expect(await runs(verifyCommand)).toEqual({ code: 0, err: [], out: ['rows and objects checked: 0, violations: 0, repaired: 0'] })
  const key = await leftover()
  await puts('brand-images/2019/logo.png')
  await expect.poll(async () => (await runs(verifyCommand)).out.length, { timeout: 10_000 }).toBe(3)

  const stopped = await runs(verifyCommand, '--limit', '1')
  expect(stopped.out[0]).toBe('object without a matching row: brand-images/2019/logo.png (never removed by Airlock)')
  const place = /--after '(.*)'/.exec(stopped.err[0] ?? '')?.[1] ?? ''
  expect((await runs(verifyCommand, '--after', place)).out[0]).toBe(`object of an ended upload: ${key} (in quarantine)`)

  const { violations, next, ...counts } = JSON.parse((await runs(verifyCommand, '--json')).out.join('\n'))
  expect(violations.map(({ what, repaired: done }: { what: string; repaired: boolean }) => [what, done])).toEqual([
    ['object without a matching row', false],
    ['object of an ended upload', false],
  ])
  expect({ next, ...counts }).toEqual({ next: null, checked: 2, found: 2, repaired: 0 })

  const repaired = await runs(verifyCommand, '--repair', '--reason', 'tidy')
  expect(repaired).toMatchObject({ code: 1 })
  expect(repaired.out.at(-1)).toBe('rows and objects checked: 2, violations: 2, repaired: 1')
  expect(await keys()).toEqual(['brand-images/2019/logo.png'])
  expect((await sql.query(`select action, reason, details from ops_log where action = 'repair'`)).rows).toEqual([
    { action: 'repair', reason: 'tidy', details: { key, what: 'object of an ended upload' } },
  ])
  await expect(runs(verifyCommand, '--limit', 'few')).rejects.toBeInstanceOf(UsageError)
})

test('expiring lists marked assets, the earliest first', async () => {
  const user = randomUUID()
  await sql.query('insert into users (id) values ($1)', [user])
  const insert = `insert into assets (user_id, s3_key, expiring_at) values ($1, $2, now() + make_interval(days => $3))`
  await sql.query(insert, [user, 'brand-images/later', 5])
  await sql.query(insert, [user, 'brand-images/sooner', 2])
  await sql.query(insert, [user, 'brand-images/never', null])

  const { code, out } = await runs(expiringCommand)

  expect(code).toBe(0)
  expect(out.map((line) => line.split(' ').at(-1))).toEqual(['brand-images/sooner', 'brand-images/later', 'days'])
  expect(out.at(-1)).toBe('2 unused for 90 days')
  const { assets, count } = JSON.parse((await runs(expiringCommand, '--json')).out.join('\n'))
  expect(assets.map((asset: { s3_key: string }) => asset.s3_key)).toEqual(['brand-images/sooner', 'brand-images/later'])
  expect(count).toBe(2)
})
