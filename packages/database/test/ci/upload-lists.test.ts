import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { expect } from 'vitest'
import type { UploadCursor, UploadListOptions, UploadRepository } from '../../src/index.ts'
import { uploadListStatement } from '../../src/uploads/list.ts'
import { test } from '../database-test.ts'
import { newUpload, plenty, received } from '../samples.ts'

const noon = Date.parse('2026-11-24T12:00:00.000Z')
const at = (ms: number) => new Date(noon + ms)

interface Given {
  ms: number
  state?: 'received' | 'completed' | 'rejected' | 'parked' | 'receiving' | 'abandoned'
}

/** Writes uploads of a user in their final states, each begun `ms` after noon. @returns their ids in the given order */
async function uploadsOf(sql: Client, userId: string, given: Given[]): Promise<string[]> {
  const rows = given.map(({ ms, state = 'completed' }) => {
    const [id, isAccepted] = [randomUUID(), state !== 'receiving' && state !== 'abandoned']
    const isRefused = state === 'rejected' || state === 'parked' || state === 'abandoned'
    return {
      ...{ id, user_id: userId, state, door: 'form', asset_type: 'brand_image', original_filename: 'a.png', declared_type: 'image/png' },
      ...{ detected_type: 'image/png', quarantine_key: `quarantine/${id}`, final_key: isAccepted ? `test/${id}` : null, size_bytes: 1 },
      ...{
        content_hash: 'a'.repeat(64),
        etag: '"e"',
        nonce: 'n',
        attempt: 1,
        counted: false,
        version: 1,
        handed_back: 0,
        failed_inspections: 0,
      },
      ...(isRefused && { error_code: 'file_corrupt', error_title: 'File is damaged', error_detail: 'It ends.' }),
      ...{ created_at: at(ms), updated_at: at(ms), received_at: isAccepted ? at(ms) : null, processing_at: at(ms) },
      ...(['completed', 'rejected', 'parked', 'abandoned'].includes(state) && { [`${state}_at`]: at(ms) }),
    }
  })
  await sql.query('insert into users (id) values ($1) on conflict do nothing', [userId])
  await sql.query('set session_replication_role = replica') // writes final rows without their earlier moves
  await sql.query('insert into uploads select * from jsonb_populate_recordset(null::uploads, $1)', [JSON.stringify(rows)])
  await sql.query('set session_replication_role = origin')
  return rows.map(({ id }) => id)
}

/** The ids of each page of a list. */
async function pagesOf(uploads: UploadRepository, options: Omit<UploadListOptions, 'before'>): Promise<string[][]> {
  const pages: string[][] = []
  let before: UploadCursor | null = null
  do {
    const page = await uploads.list({ ...options, before })
    pages.push(page.uploads.map(({ id }) => id))
    before = page.next
  } while (before !== null)
  return pages
}

test("a list contains only its owner's accepted uploads, newest first", async ({ database, sql }) => {
  const userId = randomUUID()
  await database.uploads.register(newUpload({ userId }), plenty)
  const [old, parked, , young] = await uploadsOf(sql, userId, [
    { ms: 0 },
    { ms: 1, state: 'parked' },
    { ms: 2, state: 'abandoned' },
    { ms: 3, state: 'rejected' },
  ])
  await uploadsOf(sql, randomUUID(), [{ ms: 1 }])
  const { id: waiting } = await received(database, { userId })

  const { uploads, next } = await database.uploads.list({ userId, limit: 100 })

  expect(uploads.map(({ id }) => id)).toEqual([waiting, young, parked, old])
  expect(uploads[3]).toMatchObject({ userId, state: 'completed', createdAt: at(0) })
  expect(next).toBeNull()
})

test('pages contain every upload once, even if many with different states began in the same millisecond', async ({ database, sql }) => {
  const userId = randomUUID()
  const states = ['completed', 'rejected', 'parked'] as const
  const ids = await uploadsOf(
    sql,
    userId,
    Array.from({ length: 9 }, (_, i) => ({ ms: i < 7 ? 0 : i, state: states[i % 3] ?? 'completed' })),
  )
  const pages = await pagesOf(database.uploads, { userId, limit: 3 })
  expect(pages.map((page) => page.length)).toEqual([3, 3, 3])
  expect(pages.flat()).toEqual([...ids.slice(7).toReversed(), ...ids.slice(0, 7).toSorted().toReversed()])
})

test('a list can be filtered by status, by time, or both', async ({ database, sql }) => {
  const userId = randomUUID()
  const [old, rejected, parked, young] = await uploadsOf(sql, userId, [
    { ms: 0 },
    { ms: 10, state: 'rejected' },
    { ms: 20, state: 'parked' },
    { ms: 30 },
  ])
  const found = async (options: Partial<UploadListOptions>) =>
    (await database.uploads.list({ userId, limit: 100, ...options })).uploads.map(({ id }) => id)

  expect(await found({ status: 'completed' })).toEqual([young, old])
  expect(await found({ status: 'failed' })).toEqual([parked])
  expect(await found({ status: 'queued' })).toEqual([])
  expect(await found({ since: at(10) })).toEqual([young, parked, rejected])
  expect(await found({ since: at(1), status: 'completed' })).toEqual([young])
  expect(await found({ status: null, since: null, before: null })).toHaveLength(4)
})

test.for([0, 101, 1.5, Number.NaN])('a page of %s uploads is an error', async (limit, { database, expect }) => {
  await expect(database.uploads.list({ userId: randomUUID(), limit })).rejects.toThrow(RangeError)
})

const planned = randomUUID()
const before = { createdAt: at(15_000), id: '80000000-0000-4000-8000-000000000000' }
const queries: { what: string; options: Partial<UploadListOptions>; shows: number }[] = [
  { what: 'everything', options: {}, shows: 101 },
  { what: 'everything after a cursor', options: { before }, shows: 101 },
  { what: 'everything since a time', options: { since: at(5000), before }, shows: 101 },
  { what: 'a frequent status', options: { status: 'completed', before }, shows: 101 },
  { what: 'a rare status', options: { status: 'failed' }, shows: 30 },
  { what: 'a status without uploads', options: { status: 'processing' }, shows: 0 },
]

/** One user has half of all uploads, nearly all of them completed, and those of others are newer. */
test.beforeAll(async ({ sql }) => {
  const made = Array.from({ length: 60_000 }, (_, ms) => ({
    ms,
    state: ms % 1000 === 1 ? ('parked' as const) : ms % 7 === 1 ? ('rejected' as const) : ('completed' as const),
  }))
  await uploadsOf(sql, planned, made.slice(0, 30_000))
  await uploadsOf(sql, randomUUID(), made.slice(30_000))
  await sql.query('analyze uploads')
})
test.for(queries)('a page of $what reads at most a page of rows of each state', async ({ options, shows }, { sql, expect }) => {
  const { sql: text, parameters } = uploadListStatement({ userId: planned, limit: 100, ...options })
  const { rows } = await sql.query(`explain (analyze, format json) ${text}`, parameters)
  const plan = rows[0]['QUERY PLAN'][0].Plan
  expect(plan).toMatchObject({ 'Node Type': 'Limit', 'Actual Rows': shows })
  const scans = scansOf(plan)
  expect(scans.length).toBeGreaterThan(0)
  for (const scan of scans) expect(scan).toMatchObject({ 'Node Type': 'Index Scan' })
  const read = scans.reduce((sum, scan) => sum + scan['Actual Rows'] + (scan['Rows Removed by Filter'] ?? 0), 0)
  expect(read).toBeLessThanOrEqual(101 * scans.length)
})

interface PlanNode {
  'Node Type': string
  'Actual Rows': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

/** The nodes of a plan that read a table. */
const scansOf = (node: PlanNode): PlanNode[] => (node.Plans === undefined || node.Plans.length === 0 ? [node] : node.Plans.flatMap(scansOf))
