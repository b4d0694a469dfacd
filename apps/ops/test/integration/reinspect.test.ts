import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { databaseSettings, databaseVariables, readConfig, storeSettings, storeVariables } from '@airlock/config'
import { inspectionVersion } from '@airlock/inspection/full'
import { s3ObjectStore } from '@airlock/storage'
import { isolatedBucket, isolatedDatabase } from '@airlock/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UsageError } from '../../src/command.ts'
import { reinspectCommand } from '../../src/commands/reinspect/index.ts'

const sample = (file: string) => readFileSync(new URL(`../../../../examples/samples/${encodeURI(file)}`, import.meta.url))

let env: Record<string, string>
let sql: Client
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const [database, bucket] = await Promise.all([isolatedDatabase(), isolatedBucket()])
  sql = new Client({ connectionString: database.url })
  await sql.connect()
  env = {
    DATABASE_URL: database.url,
    S3_ENDPOINT: bucket.endpoint,
    S3_REGION: bucket.region,
    S3_FORCE_PATH_STYLE: 'true',
    S3_BUCKET_NAME: bucket.bucket,
    S3_SSE: 'none',
    AWS_ACCESS_KEY_ID: bucket.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
  }
  ends.push(() => sql.end(), database.drop, bucket.drop)
})
afterAll(async () => {
  for (const end of ends) await end()
})

/** Stores an asset that older rules accepted. @returns its id */
async function stored(filename: string, bytes: Buffer | null, version = 1): Promise<string> {
  const config = readConfig(env, [...databaseVariables, ...storeVariables])
  expect(databaseSettings(config).url).toBe(env.DATABASE_URL)
  const store = s3ObjectStore(storeSettings(config))
  const [id, upload, user] = [randomUUID(), randomUUID(), randomUUID()]
  const key = `brand-images/${user}/${id}_${filename}`
  if (bytes) await store.receive(key, Readable.from([bytes], { objectMode: false }), { nonce: id })
  store.close()
  await sql.query('insert into users (id) values ($1)', [user])
  await sql.query('set session_replication_role = replica')
  await sql.query(
    `insert into assets (id, user_id, upload_id, s3_key, original_filename, file_size, mime_type, asset_type, metadata)
     values ($1, $2, $3, $4, $5, $6, 'image/jpeg', 'brand_image', $7)`,
    [id, user, upload, key, filename, bytes?.length ?? 1, JSON.stringify({ facts: { inspection_version: version } })],
  )
  return id
}

async function run(...args: string[]) {
  const result = { out: [] as string[], err: [] as string[] }
  const exitCode = await reinspectCommand.run(args, { env, out: (text) => result.out.push(text), err: (text) => result.err.push(text) })
  return { exitCode, out: result.out.join('\n'), err: result.err.join('\n') }
}

test('assets of older rules are inspected by the current ones, without changes', { timeout: 60_000 }, async () => {
  const photo = sample('good/IMG_4211.JPG')
  await stored('fine.jpg', photo)
  const half = await stored('half.jpg', photo.subarray(0, 20_000))
  const lost = await stored('lost.jpg', null)
  const today = await stored('today.jpg', photo.subarray(0, 20_000), inspectionVersion)
  const before = await sql.query('select * from assets order by id')

  const result = await run('--dry-run')

  expect(result.exitCode).toBe(1)
  expect(result.out).toMatch(new RegExp(`^${half} brand-images/\\S+ file_corrupt: File 'half.jpg' can't be read: it is truncated.$`, 'm'))
  expect(result.out).toMatch(/^1 would pass, 1 would be rejected, 1 could not be read, 1 skipped \(accepted under the current rules\)$/m)
  expect(result.err).toMatch(new RegExp(`^${lost} \\S+ could not be read: its object does not exist$`, 'm'))
  expect((await sql.query('select * from assets order by id')).rows).toEqual(before.rows)

  const { assets, ...totals } = JSON.parse((await run('--dry-run', '--all', '--json')).out)
  expect(totals).toEqual({ passed: 1, rejected: 2, unread: 1, skipped: 0 })
  expect(new Map(assets.map(({ id, code }: { id: string; code: string | null }) => [id, code]))).toEqual(
    new Map([
      [half, 'file_corrupt'],
      [today, 'file_corrupt'],
      [lost, null],
    ]),
  )
})

test('the provenance of older assets is filled in from their files, whatever the policy is', { timeout: 60_000 }, async () => {
  await sql.query('truncate assets cascade')
  const id = await stored('lighthouse.jpg', sample('good/Lighthouse by AI.jpg'))
  env.C2PA_TRUST_FILE = fileURLToPath(new URL('../../../../examples/trust/sample-root.pem', import.meta.url))
  env.PROVENANCE_POLICY_BRAND_IMAGE = 'strict'
  const plain = await stored('plain.jpg', sample('good/IMG_4211.JPG'))

  expect(await run('--provenance')).toMatchObject({ exitCode: 0, err: '' })

  const { rows } = await sql.query(`select id, metadata->'facts'->'provenance' as provenance from assets`)
  const found = new Map(rows.map((row) => [row.id, row.provenance]))
  expect(found.get(id)).toMatchObject({ present: true, state: 'trusted', content: 'bound', ai_generated: true, signer: 'Example Studio' })
  expect(found.get(plain)).toEqual({ present: false })
  const report = await run('--dry-run', '--all')
  expect(report.out, 'a dry run of the rules applies the policy').toMatch(new RegExp(`^${plain} \\S+ provenance_missing: `, 'm'))
  delete env.C2PA_TRUST_FILE
  delete env.PROVENANCE_POLICY_BRAND_IMAGE
})

test.each([[[]], [['--all']], [['--dry-run', '--after', randomUUID()]], [['--provenance', '--after', 'the-last']]])(
  '%j are not valid arguments',
  async (args) => {
    await expect(run(...args)).rejects.toThrow(UsageError)
  },
)
