import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { listStatement } from '../../src/assets/list.ts'
import type { AssetCursor, AssetListOptions, AssetRepository } from '../../src/index.ts'
import { test } from '../database-test.ts'
import { promoted } from '../samples.ts'

const noon = Date.parse('2026-11-24T12:00:00.000Z')
const at = (ms: number) => new Date(noon + ms)

interface Given {
  ms: number
  kind?: string
  project?: string
  brand?: string
  provenance?: object
}

/** Writes assets of a user, each created `ms` after noon. @returns their ids in the given order */
async function assetsOf(sql: Client, userId: string, given: Given[]): Promise<string[]> {
  await sql.query('insert into users (id) values ($1) on conflict do nothing', [userId])
  const rows = given.map(({ ms, kind = 'brand_image', project = null, brand = null, provenance }) => ({
    id: randomUUID(),
    user_id: userId,
    s3_key: `test/${randomUUID()}`,
    asset_type: kind,
    project_id: project,
    brand_id: brand,
    metadata: { facts: { width: 640, ...(provenance && { provenance }) } },
    created_at: at(ms),
    updated_at: at(ms),
  }))
  await sql.query('insert into assets select * from jsonb_populate_recordset(null::assets, $1)', [JSON.stringify(rows)])
  return rows.map(({ id }) => id)
}

/** The ids of each page of a list. */
async function pagesOf(assets: AssetRepository, options: Omit<AssetListOptions, 'before'>): Promise<string[][]> {
  const pages: string[][] = []
  let before: AssetCursor | null = null
  do {
    const page = await assets.list({ ...options, before })
    pages.push(page.assets.map(({ id }) => id))
    before = page.next
  } while (before !== null)
  return pages
}

test("a list contains only its owner's assets, newest first", async ({ database, sql }) => {
  const userId = randomUUID()
  const [old, young, middle] = await assetsOf(sql, userId, [{ ms: 0 }, { ms: 2 }, { ms: 1 }])
  await assetsOf(sql, randomUUID(), [{ ms: 1 }])
  const { assets, next } = await database.assets.list({ userId, limit: 100 })
  expect(assets.map(({ id }) => id)).toEqual([young, middle, old])
  expect(assets[0]).toMatchObject({ userId, assetType: 'brand_image', createdAt: at(2) })
  expect(next).toBeNull()
})

test('pages contain every asset once, even if many were created in the same millisecond', async ({ database, sql }) => {
  const userId = randomUUID()
  const ids = await assetsOf(
    sql,
    userId,
    Array.from({ length: 9 }, (_, i) => ({ ms: i < 7 ? 0 : i })),
  )
  const pages = await pagesOf(database.assets, { userId, limit: 3 })
  expect(pages.map((page) => page.length)).toEqual([3, 3, 3])
  expect(pages.flat()).toEqual([...ids.slice(7).toReversed(), ...ids.slice(0, 7).toSorted()])
})

test('adding or deleting assets between two pages does not shift others', async ({ database, sql }) => {
  const userId = randomUUID()
  const ids = await assetsOf(
    sql,
    userId,
    Array.from({ length: 6 }, (_, ms) => ({ ms })),
  )
  const first = await database.assets.list({ userId, limit: 3 })
  await assetsOf(sql, userId, [{ ms: 100 }])
  await sql.query('delete from assets where id = $1', [ids[4]])
  const second = await database.assets.list({ userId, limit: 3, before: first.next })
  expect(second.assets.map(({ id }) => id)).toEqual(ids.slice(0, 3).toReversed())
})

test('a list can be filtered by kind, project, brand, period, and combinations', async ({ database, sql }) => {
  const [userId, project, brand] = [randomUUID(), randomUUID(), randomUUID()]
  const [plain, video, ofBrand] = await assetsOf(sql, userId, [
    { ms: 0 },
    { ms: 10, kind: 'generated_video', project },
    { ms: 20, brand },
    { ms: 30, kind: 'generated_video', project, brand },
  ])
  const both = (await database.assets.list({ userId, limit: 1 })).assets[0]?.id
  const found = async (options: Partial<AssetListOptions>) =>
    (await database.assets.list({ userId, limit: 100, ...options })).assets.map(({ id }) => id)

  expect(await found({ assetType: 'generated_video' })).toEqual([both, video])
  expect(await found({ projectId: project })).toEqual([both, video])
  expect(await found({ brandId: brand })).toEqual([both, ofBrand])
  expect(await found({ brandId: brand, assetType: 'brand_image' })).toEqual([ofBrand])
  expect(await found({ createdAfter: at(0), createdBefore: at(30) })).toEqual([ofBrand, video])
  expect(await found({ createdBefore: at(20), before: { createdAt: at(10), id: video ?? '' } })).toEqual([plain])
  expect(await found({ assetType: 'generated_video', projectId: project, brandId: brand, createdAfter: at(1) })).toEqual([both])
  expect(await found({ assetType: null, projectId: null, createdAfter: null, before: null })).toHaveLength(4)
  expect(await found({ projectId: randomUUID() })).toEqual([])
})

const credentials = (state: string, ai_generated: boolean | null) => ({ present: true, state, content: 'bound', ai_generated })
const declares = (ai_generated: boolean | null) => ({ declared: { generator: null, digital_source_type: null, ai_generated } })

test('a list can be filtered by provenance, by what files state about AI, and by both', async ({ database, sql }) => {
  const userId = randomUUID()
  const given: (object | undefined)[] = [
    undefined, // 0: inspected by an older version
    { present: false },
    { present: false, ...declares(true) },
    { present: false, ...declares(null) },
    { ...credentials('valid', true) },
    { ...credentials('valid', false), ...declares(true) }, // 5: its credentials say otherwise
    { ...credentials('trusted', null), ...declares(false) },
    { ...credentials('invalid', null) },
    { ...credentials('unreadable', null), ...declares(true) },
  ]
  const ids = await assetsOf(
    sql,
    userId,
    given.map((provenance, ms) => ({ ms: -ms, ...(provenance && { provenance }) })),
  )
  const found = async (options: Partial<AssetListOptions>) =>
    (await pagesOf(database.assets, { userId, limit: 2, ...options })).flat().map((id) => ids.indexOf(id))

  expect(await found({ provenance: 'none' })).toEqual([1, 2, 3])
  expect(await found({ provenance: 'valid' })).toEqual([4, 5])
  expect(await found({ provenance: 'trusted' })).toEqual([6])
  expect(await found({ provenance: 'invalid' })).toEqual([7])
  expect(await found({ provenance: 'unreadable' })).toEqual([8])
  expect(await found({ aiGenerated: true })).toEqual([2, 4, 8])
  expect(await found({ aiGenerated: false })).toEqual([5, 6])
  expect(await found({ aiGenerated: true, provenance: 'none' })).toEqual([2])
  expect(await found({ aiGenerated: false, provenance: 'valid', assetType: 'brand_image', createdBefore: at(0) })).toEqual([5])
  expect(await found({ aiGenerated: false, provenance: 'none' })).toEqual([])
  expect(await found({ aiGenerated: null, provenance: null })).toHaveLength(9)
})

test('rows of other programs may have any metadata', async ({ database, sql }) => {
  const userId = randomUUID()
  await assetsOf(sql, userId, [{ ms: 0 }, { ms: 1 }, { ms: 2 }])
  for (const [i, metadata] of ['null', '"text"', '{"facts": [{"provenance": {"state": "valid"}}]}'].entries())
    await sql.query('update assets set metadata = $1 where user_id = $2 and created_at = $3', [metadata, userId, at(i)])
  expect((await database.assets.list({ userId, limit: 10, provenance: 'valid' })).assets).toEqual([])
})

test.for([0, 101, 1.5, Number.NaN])('a page of %s assets is an error', async (limit, { database, expect }) => {
  await expect(database.assets.list({ userId: randomUUID(), limit })).rejects.toThrow(RangeError)
})

const [planned, project, brand] = [randomUUID(), randomUUID(), randomUUID()]
// With a random id, the planner would estimate another number of following rows in each run, and sort if it expects few.
const before = { createdAt: at(15_000), id: '80000000-0000-4000-8000-000000000000' }
const queries: { what: string; options: Partial<AssetListOptions> }[] = [
  { what: 'everything', options: {} },
  { what: 'everything after a cursor', options: { before } },
  { what: 'a kind', options: { assetType: 'generated_video', before } },
  { what: 'a project', options: { projectId: project, before } },
  { what: 'a brand and a kind', options: { brandId: brand, assetType: 'brand_image', before } },
  { what: 'a state of credentials', options: { provenance: 'valid', before } },
  { what: 'a kind and a state of credentials', options: { provenance: 'valid', assetType: 'generated_video', before } },
  { what: 'what states that it is not AI', options: { aiGenerated: false, before } },
  { what: 'what declares AI without credentials', options: { provenance: 'none', aiGenerated: true, before } },
  { what: 'a period', options: { createdAfter: at(100), createdBefore: at(27_000) } },
]
/** One user has half of all assets, and those of others are newer, so a scan of all assets by age would be slow. */
test.beforeAll(async ({ sql }) => {
  const kinds = ['brand_image', 'generated_video']
  const made = Array.from({ length: 60_000 }, (_, ms) => ({
    ms,
    kind: kinds[ms % 2] ?? '',
    ...(ms % 3 === 0 && { project }),
    ...(ms % 5 === 0 && { brand }),
    provenance: ms % 2 ? credentials('valid', ms % 4 === 1) : { present: false, ...(ms % 8 === 0 && declares(true)) },
  }))
  await assetsOf(sql, planned, made.slice(0, 30_000))
  await assetsOf(sql, randomUUID(), made.slice(30_000))
  await sql.query('analyze assets')
})
test.for(queries)('a page of $what reads at most a page of each kind, in the order of an index', async ({ options }, { sql, expect }) => {
  const { sql: text, parameters } = listStatement({ userId: planned, limit: 100, ...options })
  const { rows } = await sql.query(`explain (analyze, format json) ${text}`, parameters)
  const plan: PlanNode = rows[0]['QUERY PLAN'][0].Plan
  expect(plan).toMatchObject({ 'Node Type': 'Limit', 'Actual Rows': 101 })
  // To sort them, or to filter, the plan would have to read more of them.
  for (const scan of scansOf(plan)) {
    expect(scan).toMatchObject({ 'Node Type': 'Index Scan' })
    expect(scan['Actual Rows']).toBeLessThanOrEqual(101)
    expect(scan['Rows Removed by Filter'] ?? 0).toBeLessThan(3)
  }
})

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Actual Rows': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly PlanNode[]
}
const scansOf = (node: PlanNode): PlanNode[] => node.Plans?.flatMap(scansOf) ?? [node]

test('a kind that has no asset in a state of credentials is not searched for among all others', async ({ sql, expect }) => {
  const { sql: text, parameters } = listStatement({ userId: planned, limit: 100, provenance: 'valid', assetType: 'brand_image' })
  const { rows } = await sql.query(`explain (analyze, buffers, format json) ${text}`, parameters)
  const { Plan: plan } = rows[0]['QUERY PLAN'][0]
  expect(plan['Actual Rows']).toBe(0)
  expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThan(10)
})

test('several assets are found in one call, in the requested order', async ({ database }) => {
  const [first, second] = [await promoted(database), await promoted(database)]
  expect(await database.assets.byIds([second.id.toUpperCase(), randomUUID(), first.id])).toEqual([second, first])
  await expect(database.assets.byIds(Array.from({ length: 101 }, () => randomUUID()))).rejects.toThrow(RangeError)
})

test('all assets of Airlock can be read in batches, each once', async ({ database, sql }) => {
  const mine = await Promise.all(Array.from({ length: 5 }, () => promoted(database)))
  await assetsOf(sql, randomUUID(), [{ ms: 0 }])
  const seen: string[] = []
  let batch = await database.assets.batch({ after: null, limit: 2 })
  while (batch.length > 0) {
    expect(batch.length).toBeLessThanOrEqual(2)
    seen.push(...batch.map(({ id }) => id))
    batch = await database.assets.batch({ after: seen.at(-1) ?? null, limit: 2 })
  }

  expect(seen).toEqual([...new Set(seen)].sort())
  expect(seen).toEqual(expect.arrayContaining(mine.map(({ id }) => id)))
  const { rows } = await sql.query('select count(*)::int as count from assets where upload_id is not null')
  expect(seen.length).toBe(rows[0].count)
})
