import { setTimeout } from 'node:timers/promises'
import { type AssetType, assetKind, assetTypes, lanes } from '@airlock/domain'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { type Database, DatabaseUnavailable, type LaneLoad } from '../../src/index.ts'
import { loadStatement } from '../../src/uploads/load.ts'
import { test } from '../database-test.ts'
import { claim, claimed, goodFile, newUpload, parked, plenty, promoted, received } from '../samples.ts'

const idle: Omit<LaneLoad, 'lane'> = { waiting: 0, delayed: 0, processing: 0, oldestSeconds: 0 }

/** Other tests of this file leave uploads behind. */
test.beforeEach(async ({ sql }) => {
  await sql.query('delete from uploads')
})

async function laneOf(database: Database, lane: LaneLoad['lane']): Promise<LaneLoad | undefined> {
  return (await database.load()).lanes.find((one) => one.lane === lane)
}

async function waits({ uploads }: Database, assetType: AssetType): Promise<string> {
  const upload = newUpload()
  await uploads.register(upload, plenty)
  await uploads.accept([goodFile(upload, { assetType })])
  await setTimeout(1) // the stored time may be rounded up, by half a millisecond
  return upload.id
}

const change = (sql: Client, id: string, changes: string) => sql.query(`update uploads set ${changes} where id = $1`, [id])

test('each lane is listed when nothing waits', async ({ database }) => {
  const { lanes: listed, ...others } = await database.load()
  expect(listed.toSorted((a, b) => (a.lane < b.lane ? -1 : 1))).toEqual(lanes.toSorted().map((lane) => ({ lane, ...idle })))
  expect(others).toEqual({ parked: 0, receiving: 0, openDirect: 0, lastSweepAt: null })
})

test('uploads count in the lane of their kind until they end', async ({ database }) => {
  await database.uploads.register(newUpload(), plenty)
  await promoted(database)
  await parked(database)
  await received(database)
  const failed = await claimed(database)
  await database.uploads.retryLater(failed, 'S3 is unavailable', { retryInMs: 60_000 })
  await claimed(database)
  await waits(database, 'generated_video')

  const { lanes: listed, parked: parkedUploads, receiving } = await database.load()

  expect({ parkedUploads, receiving }).toEqual({ parkedUploads: 1, receiving: 1 })
  expect(listed.find(({ lane }) => lane === 'images')).toMatchObject({ waiting: 1, delayed: 1, processing: 1 })
  expect(listed.find(({ lane }) => lane === 'videos')).toMatchObject({ waiting: 1, delayed: 0, processing: 0 })
  expect(listed.find(({ lane }) => lane === 'training')).toEqual({ lane: 'training', ...idle })
})

test.for(assetTypes)('the view has the lane of %s', async (assetType, { database, expect }) => {
  await waits(database, assetType)
  expect(await laneOf(database, assetKind(assetType).lane)).toMatchObject({ waiting: 1 })
})

test('an upload waits from the moment when it became due', async ({ database, sql }) => {
  const id = await waits(database, 'brand_image')
  await change(sql, id, `received_at = now() - interval '3 hours', updated_at = now() - interval '100 seconds'`)
  expect((await laneOf(database, 'images'))?.oldestSeconds).toBeCloseTo(100, -1)

  await change(sql, id, `next_attempt_at = now() - interval '20 seconds'`)
  expect((await laneOf(database, 'images'))?.oldestSeconds).toBeCloseTo(20, -1)

  await change(sql, id, `next_attempt_at = now() + interval '20 seconds'`)
  expect(await laneOf(database, 'images')).toEqual({ lane: 'images', ...idle, delayed: 1 })
})

test('an upload whose worker died waits from the end of its lease', async ({ database, sql }) => {
  const id = await waits(database, 'brand_image')
  await claim(database, id)
  expect(await laneOf(database, 'images')).toEqual({ lane: 'images', ...idle, processing: 1 })

  await change(sql, id, `lease_until = now() - interval '50 seconds'`)
  const lapsed = await laneOf(database, 'images')
  expect(lapsed).toMatchObject({ waiting: 1, processing: 0 })
  expect(lapsed?.oldestSeconds).toBeCloseTo(50, -1)
})

test('the number of ended uploads does not matter', async ({ database, sql }) => {
  await received(database)
  await sql.query('set session_replication_role = replica') // rows as they ended, without the way there
  await sql.query(`
    insert into uploads (id, user_id, state, door, asset_type, original_filename, declared_type, detected_type, quarantine_key, final_key,
      size_bytes, content_hash, etag, nonce, attempt, received_at, processing_at, completed_at)
    select gen_random_uuid(), gen_random_uuid(), 'completed', 'form', 'brand_image', 'a.png', 'image/png', 'image/png', 'q/' || n, 'f/' || n,
      1, repeat('a', 64), 'e', 'n', 1, now(), now(), now()
    from generate_series(1, 20000) as n`)
  await sql.query('set session_replication_role = origin')
  await sql.query('vacuum analyze uploads')

  const { rows } = await sql.query(`explain (analyze, format json) ${loadStatement}`)

  const scans = scansOf(rows[0]['QUERY PLAN'][0].Plan)
  expect(scans).toHaveLength(7)
  for (const scan of scans) expect(scan).toMatchObject({ 'Node Type': expect.stringMatching(/Index/) })
  const read = scans.reduce((sum, scan) => sum + scan['Actual Rows'] * scan['Actual Loops'] + (scan['Rows Removed by Filter'] ?? 0), 0)
  expect(Math.round(read)).toBe(2) // the waiting one is counted, and looked at as the oldest
})

interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

/** The nodes that read the table. */
function scansOf(node: PlanNode): PlanNode[] {
  const below = (node.Plans ?? []).flatMap(scansOf)
  return node['Relation Name'] === 'uploads' ? [node, ...below] : below
}

test('Postgres cancels the count after a second', async ({ database, sql }) => {
  await sql.query('begin; lock table uploads in access exclusive mode')
  try {
    const started = performance.now()
    await expect(database.load()).rejects.toThrow(DatabaseUnavailable)
    expect(performance.now() - started).toBeGreaterThan(900)
    expect(performance.now() - started).toBeLessThan(4000) // before the timeout of other statements
  } finally {
    await sql.query('rollback')
  }
  await database.check(5000)
  expect((await database.load()).lanes).toHaveLength(lanes.length)
})
