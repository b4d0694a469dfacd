import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { listStatement } from '../src/assets/list.ts'
import { withScratchDatabase } from '../src/commands/scratch-database.ts'
import { type AssetCursor, type AssetListOptions, migrate, openDatabase } from '../src/index.ts'

/**
 * How long a page of assets takes when the table holds a million of one user's, and some of others'.
 *
 *     DATABASE_URL=… node packages/database/bench/list-assets.ts
 *
 * Works in a scratch database beside the one of the URL, and drops it again.
 */
const { values } = parseArgs({
  options: {
    assets: { type: 'string', default: '1000000' },
    others: { type: 'string', default: '200000' },
    pages: { type: 'string', default: '2000' },
    explain: { type: 'boolean', default: false },
  },
})
const [assets, others, pages] = [Number(values.assets), Number(values.others), Number(values.pages)]

const whale = '00000000-0000-4000-8000-000000000000'
const project = '00000000-0000-4000-8000-0000000000aa'
const brand = '00000000-0000-4000-8000-0000000000bb'
const begin = Date.parse('2026-01-01T00:00:00Z')

/** A tenth are videos, one in a thousand is of the project, one in a hundred of the brand; two or three share each millisecond. */
const fill = async (sql: Client) => {
  await sql.query(
    `insert into users (id) select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid from generate_series(0, 1000) as n`,
  )
  await sql.query(
    `insert into assets (user_id, s3_key, original_filename, file_size, mime_type, asset_type, project_id, brand_id, metadata, created_at)
     select case when n <= $1 then '${whale}'::uuid else ('00000000-0000-4000-8000-' || lpad((1 + n % 1000)::text, 12, '0'))::uuid end,
       'bench/' || n, 'picture ' || n || '.png', 1000 + n, 'image/png', case when n % 10 = 0 then 'generated_video' else 'brand_image' end,
       case when n % 1000 = 0 then '${project}'::uuid end, case when n % 100 = 0 then '${brand}'::uuid end,
       '{"content_hash": "0123456789012345678901234567890123456789012345678901234567890123", "facts": {"width": 640, "height": 480}}',
       '2026-01-01T00:00:00Z'::timestamptz + make_interval(secs => floor(random() * $1 * 0.4) / 1000.0 * 60)
     from generate_series(1, $2::integer) as n`,
    [assets, assets + others],
  )
  await sql.query('vacuum analyze assets')
}

const anywhere = (): AssetCursor => ({ createdAt: new Date(begin + Math.random() * assets * 0.4 * 60), id: crypto.randomUUID() })
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
    return { userId: whale, limit: 100, createdAfter: createdAt, createdBefore: new Date(createdAt.getTime() + 60_000) }
  },
  'of another user': () => ({ userId: whale.replace(/0$/, '1'), limit: 100 }),
}

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
  say(`${assets} assets of one user, ${others} of others; ms for a page, through openDatabase\n`)
  say(`${'question'.padEnd(24)}    p50    p95    p99    max`)
  for (const [name, question] of Object.entries(questions)) {
    for (let i = 0; i < 50; i += 1) await database.assets.list(question())
    const took: number[] = []
    for (let i = 0; i < pages; i += 1) {
      const started = performance.now()
      await database.assets.list(question())
      took.push(performance.now() - started)
    }
    took.sort((a, b) => a - b)
    const at = (share: number) => (took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0).toFixed(2).padStart(6)
    say(`${name.padEnd(24)} ${at(0.5)} ${at(0.95)} ${at(0.99)} ${at(1)}`)
    if (values.explain) {
      const { sql: text, parameters } = listStatement(question())
      const { rows } = await sql.query(`explain (analyze, buffers) ${text}`, parameters)
      say(rows.map((row) => `    ${row['QUERY PLAN']}`).join('\n'))
    }
  }
  await database.close()
  await sql.end()
})
