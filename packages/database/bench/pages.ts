import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { withScratchDatabase } from '../src/commands/scratch-database.ts'
import { type Database, migrate, openDatabase } from '../src/index.ts'

/** What is asked of a large table, a page at a time. */
export interface PageBench<Options> {
  /** What the table holds, for the report. */
  readonly about: string
  /** Fills the tables of a migrated database. */
  fill(sql: Client): Promise<void>
  readonly questions: Readonly<Record<string, () => Options>>
  ask(database: Database, options: Options): Promise<unknown>
  statement(options: Options): { sql: string; parameters: unknown[] }
}

/** Users of the benchmark: one who has most of all rows, and one who was active before all others. */
export const whale = '00000000-0000-4000-8000-000000000000'
export const sleeper = '00000000-0000-4000-8000-000000000001'

/**
 * Measures how long pages take, one question after the other, again and again, so that a busy moment of the machine meets all of them. The
 * floor, a statement that finds nothing, says how busy it is.
 *
 *     DATABASE_URL=… node packages/database/bench/list-assets.ts [--pages 2000] [--explain] [--within 10]
 *
 * With `--within` its last line says which question took longest, and the exit code is 1 when that took longer than so many ms at p99, and more
 * than five times as long as the floor: on a machine that has other things to do, everything takes longer than that. Works in a scratch database
 * beside the one of the URL, and drops it again.
 */
export async function measurePages<Options>({ about, fill, questions, ask, statement }: PageBench<Options>): Promise<void> {
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
    say(`${'question'.padEnd(30)}    p50    p95    p99    max`)
    const asked: Record<string, () => Promise<unknown>> = { floor: () => database.check(5000) }
    for (const [name, question] of Object.entries(questions)) asked[name] = () => ask(database, question())
    const took = await timesOf(asked, Number(values.pages))
    for (const [name, ms] of took) say(`${name.padEnd(30)} ${spread(ms)}`)
    for (const [name, question] of values.explain ? Object.entries(questions) : []) {
      const { sql: text, parameters } = statement(question())
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

/** How much longer than the floor a page may take where the floor alone nearly uses up the limit. */
const timesFloor = 5

function judge(took: Map<string, number[]>, limitMs: number): void {
  const [[name, ms] = ['nothing', []]] = [...took].toSorted(([, a], [, b]) => within(0.99, b) - within(0.99, a))
  const floor = within(0.99, took.get('floor') ?? [])
  const allowed = Math.max(limitMs, timesFloor * floor)
  const slowest = `the slowest at p99, ${name}: ${within(0.99, ms).toFixed(2)} ms, of ${allowed.toFixed(0)} ms`
  say(`${slowest}; a statement that finds nothing: ${floor.toFixed(2)} ms`)
  if (within(0.99, ms) > allowed) process.exitCode = 1
}

/** The time that a share of all does not exceed, in ms. */
function within(share: number, took: number[]): number {
  const sorted = took.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** p50, p95, p99 and the longest, in ms. */
const spread = (took: number[]): string => [0.5, 0.95, 0.99, 1].map((share) => within(share, took).toFixed(2).padStart(6)).join(' ')

const say = (line: string) => process.stdout.write(`${line}\n`)
