import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { listStatement } from '../src/assets/list.ts'
import { withScratchDatabase } from '../src/commands/scratch-database.ts'
import { type AssetCursor, type AssetListOptions, migrate, openDatabase } from '../src/index.ts'

/**
 * How long a page of assets takes when the table holds a million of one user's, and some of others'. The floor, a statement
 * that finds nothing, tells how busy the machine is.
 *
 *     DATABASE_URL=… node packages/database/bench/list-assets.ts [--within 10]
 *
 * With `--within` its last line says which question took longest, and its exit code is 1 when that took longer than so many ms at p99.
 *
 * Works in a scratch database beside the one of the URL, and drops it again.
 */
const { values } = parseArgs({
  options: {
    assets: { type: 'string', default: '1300000' },
    pages: { type: 'string', default: '2000' },
    explain: { type: 'boolean', default: false },
    within: { type: 'string' },
  },
})
const [total, pages] = [Number(values.assets), Number(values.pages)]

const whale = '00000000-0000-4000-8000-000000000000'
const sleeper = '00000000-0000-4000-8000-000000000001'
const project = '00000000-0000-4000-8000-0000000000aa'
const brand = '00000000-0000-4000-8000-0000000000bb'
const begin = Date.parse('2026-01-01T00:00:00Z')

/**
 * In the order in which they were made, as in life. A tenth are videos, one in a thousand is of the project, one in ninety of the brand,
 * two or three share each millisecond. The sleeper's are older than all others.
 */
const fill = async (sql: Client) => {
  await sql.query(
    `insert into users (id) select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid from generate_series(0, 1000) as n`,
  )
  await sql.query(
    `insert into assets (user_id, s3_key, original_filename, file_size, mime_type, asset_type, project_id, brand_id, metadata, created_at)
     select case when n <= $2 * 0.1 then '${sleeper}' when n % 6 > 0 then '${whale}'
         else '00000000-0000-4000-8000-' || lpad((2 + n % 998)::text, 12, '0') end::uuid,
       'bench/' || n, 'picture ' || n || '.png', 1000 + n, 'image/png', case when n % 10 = 0 then 'generated_video' else 'brand_image' end,
       case when n % 1000 = 0 then '${project}'::uuid end, case when n % 90 = 1 then '${brand}'::uuid end,
       '{"content_hash": "0123456789012345678901234567890123456789012345678901234567890123", "facts": {"width": 640, "height": 480}}',
       '2026-01-01T00:00:00Z'::timestamptz + make_interval(secs => floor(n * 0.4) / 1000)
     from generate_series(1, $1::integer) as n`,
    [total, total],
  )
  await sql.query('vacuum analyze assets')
}

const anywhere = (): AssetCursor => ({ createdAt: new Date(begin + Math.random() * total * 0.4), id: crypto.randomUUID() })
const questions: Record<string, () => AssetListOptions> = {
  'first page': () => ({ userId: whale, limit: 100 }),
  'page anywhere': () => ({ userId: whale, limit: 100, before: anywhere() }),
  'page of 20': () => ({ userId: whale, limit: 20, before: anywhere() }),
  'of a kind': () => ({ userId: whale, limit: 100, assetType: 'generated_video', before: anywhere() }),
  'of a kind without any': () => ({ userId: whale, limit: 100, assetType: 'lora_training' }),
  'of a project': () => ({ userId: whale, limit: 100, projectId: project, before: anywhere() }),
  'of a brand and kind': () => ({ userId: whale, limit: 100, brandId: brand, assetType: 'brand_image', before: anywhere() }),
  'in a span of time': () => {
    const { createdAt } = anywhere()
    return { userId: whale, limit: 100, createdAfter: createdAt, createdBefore: new Date(createdAt.getTime() + 10_000) }
  },
  'of one who uploaded long ago': () => ({ userId: sleeper, limit: 100 }),
  'of one among many': () => ({ userId: whale.replace(/0$/, '8'), limit: 100 }),
}

/** The time that a share of all does not exceed, in ms. */
function within(share: number, took: number[]): number {
  const sorted = took.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** p50, p95, p99 and the longest, in ms. */
const spread = (took: number[]): string => [0.5, 0.95, 0.99, 1].map((share) => within(share, took).toFixed(2).padStart(6)).join(' ')

const say = (line: string) => process.stdout.write(`${line}\n`)

await withScratchDatabase(process.env.DATABASE_URL ?? '', async (url) => {
  const log = { info: () => {}, warn: () => {} }
  await migrate({ url, log })
  const sql = new Client(url)
  await sql.connect()
  await fill(sql)
  const database = await openDatabase({
    url,
    poolSize: 4,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 5000,
    applicationName: 'airlock-bench',
    log,
  })
  say(`${total} assets, three quarters of one user; ms for a page, through openDatabase\n`)
  say(`${'question'.padEnd(30)}    p50    p95    p99    max`)
  const asked: Record<string, () => Promise<unknown>> = { floor: () => database.check(5000) }
  for (const [name, question] of Object.entries(questions)) asked[name] = () => database.assets.list(question())
  const took = new Map(Object.keys(asked).map((name) => [name, [] as number[]]))
  // One after the other, again and again, so that a busy moment of the machine meets all of them.
  for (let i = -50; i < pages; i += 1) {
    for (const [name, ask] of Object.entries(asked)) {
      const started = performance.now()
      await ask()
      if (i >= 0) took.get(name)?.push(performance.now() - started)
    }
  }
  for (const [name, ms] of took) say(`${name.padEnd(30)} ${spread(ms)}`)
  for (const [name, question] of Object.entries(questions)) {
    if (values.explain) {
      say(`\n${name}`)
      const { sql: text, parameters } = listStatement(question())
      const { rows } = await sql.query(`explain (analyze, buffers) ${text}`, parameters)
      say(rows.map((row) => `    ${row['QUERY PLAN']}`).join('\n'))
    }
  }
  if (values.within !== undefined) {
    const [[name, ms] = ['nothing', []]] = [...took].toSorted(([, a], [, b]) => within(0.99, b) - within(0.99, a))
    const floor = within(0.99, took.get('floor') ?? []).toFixed(2)
    say(
      `the slowest at p99, ${name}: ${within(0.99, ms).toFixed(2)} ms, of ${values.within} ms; a statement that finds nothing: ${floor} ms`,
    )
    if (within(0.99, ms) > Number(values.within)) process.exitCode = 1
  }
  await database.close()
  await sql.end()
})
