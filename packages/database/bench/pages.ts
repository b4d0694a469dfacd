import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { withScratchDatabase } from '../src/commands/scratch-database.ts'
import { type Database, migrate, openDatabase } from '../src/index.ts'

/** Queries for pages of a large table. */
export interface PageBench<Options> {
  /** The contents of the table, for the report. */
  readonly about: string
  /** Fills the tables of a migrated database. */
  fill(sql: Client): Promise<void>
  readonly queries: Readonly<Record<string, () => Options>>
  ask(database: Database, options: Options): Promise<unknown>
  statement(options: Options): { sql: string; parameters: unknown[] }
}

/** Users of the benchmark: one with most of the rows, and one who was active before all others. */
export const heavyUser = '00000000-0000-4000-8000-000000000000'
export const formerUser = '00000000-0000-4000-8000-000000000001'

/**
 * Measures the times of pages. The queries alternate, so that a busy moment of the machine affects all of them. The baseline, a statement that finds
 * nothing, shows how busy it is.
 *
 *     DATABASE_URL=… node packages/database/bench/list-assets.ts [--pages 2000] [--explain] [--within 10]
 *
 * With `--within`, the last line names the slowest query, and the exit code is 1 if its p99 exceeds this many ms and five times the baseline:
 * under other load, every statement exceeds a fixed limit. Uses a scratch database on the server of the URL, and drops it again.
 */
export async function measurePages<Options>({ about, fill, queries, ask, statement }: PageBench<Options>): Promise<void> {
  const { values } = parseArgs({
    options: { pages: { type: 'string', default: '2000' }, explain: { type: 'boolean', default: false }, within: { type: 'string' } },
  })
  await withScratchDatabase(process.env.DATABASE_URL ?? '', async (url) => {
    const log = { info: () => {}, warn: () => {} }
    await migrate({ url, log })
    const sql = new Client(url)
    sql.on('error', () => {}) // dropping the database after a failure ends the connection
    await sql.connect()
    await sql.query(
      `insert into users (id) select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid from generate_series(0, 1000) as n`,
    )
    await fill(sql)
    const limits = { poolSize: 4, statementTimeoutMs: 10_000, connectTimeoutMs: 5000 }
    const database = await openDatabase({ url, ...limits, applicationName: 'airlock-bench', log })
    say(`${about}; ms for a page, through openDatabase\n`)
    say(`${'query'.padEnd(30)}    p50    p95    p99    max`)
    const asked: Record<string, () => Promise<unknown>> = { baseline: () => database.check(5000) }
    for (const [name, query] of Object.entries(queries)) asked[name] = () => ask(database, query())
    const took = await timesOf(asked, Number(values.pages))
    for (const [name, ms] of took) say(`${name.padEnd(30)} ${spread(ms)}`)
    for (const [name, query] of values.explain ? Object.entries(queries) : []) {
      const { sql: text, parameters } = statement(query())
      const { rows } = await sql.query(`explain (analyze, buffers) ${text}`, parameters)
      say(`\n${name}\n${rows.map((row) => `    ${row['QUERY PLAN']}`).join('\n')}`)
    }
    if (values.within !== undefined) judge(took, Number(values.within))
    await database.close()
    await sql.end()
  })
}

async function timesOf(asked: Record<string, () => Promise<unknown>>, pages: number): Promise<Map<string, number[]>> {
  const took = new Map(Object.keys(asked).map((name) => [name, [] as number[]]))
  for (let i = -50; i < pages; i += 1) {
    for (const [name, ask] of Object.entries(asked)) {
      const started = performance.now()
      await ask()
      if (i >= 0) took.get(name)?.push(performance.now() - started)
    }
  }
  return took
}

/** The permitted multiple of the baseline, if the baseline alone nearly exceeds the limit. */
const baselineFactor = 5

function judge(took: Map<string, number[]>, limitMs: number): void {
  const [[name, ms] = ['nothing', []]] = [...took].toSorted(([, a], [, b]) => within(0.99, b) - within(0.99, a))
  const baseline = within(0.99, took.get('baseline') ?? [])
  const allowed = Math.max(limitMs, baselineFactor * baseline)
  const slowest = `the slowest at p99, ${name}: ${within(0.99, ms).toFixed(2)} ms, limit ${allowed.toFixed(0)} ms`
  say(`${slowest}; a statement that finds nothing: ${baseline.toFixed(2)} ms`)
  if (within(0.99, ms) > allowed) process.exitCode = 1
}

/** The percentile of the times at `share`, in ms. */
function within(share: number, took: number[]): number {
  const sorted = took.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** p50, p95, p99 and the maximum, in ms. */
const spread = (took: number[]): string => [0.5, 0.95, 0.99, 1].map((share) => within(share, took).toFixed(2).padStart(6)).join(' ')

const say = (line: string) => process.stdout.write(`${line}\n`)
