import { execFile, spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

/** Checks that Grafana can import the dashboards, and that their queries are valid. */

interface Panel {
  id: number
  type: string
  title: string
  description?: string
  datasource?: { uid: string }
  gridPos: { h: number; w: number; x: number; y: number }
  targets?: { refId: string; datasource: { uid: string }; expr: string }[]
}

interface Dashboard {
  id?: number
  uid: string
  title: string
  tags: string[]
  schemaVersion: number
  panels: Panel[]
  templating: { list: { name: string; type: string; query: unknown }[] }
}

const folder = fileURLToPath(new URL('../../deploy/grafana/', import.meta.url))
const dashboards = globSync('*.json', { cwd: folder })
  .toSorted()
  .map((file) => ({ file, dashboard: JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard }))
const queriesOf = ({ panels }: Dashboard) => panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

/** The format of Grafana 12.0. Later releases convert it when they import it. */
const schemaVersion = 41

test('there are four dashboards, each with its own uid', () => {
  expect(dashboards.map(({ file }) => basename(file, '.json'))).toEqual(['dependencies', 'lanes', 'overview', 'webhooks-and-events'])
  expect(new Set(dashboards.map(({ dashboard }) => dashboard.uid)).size).toBe(dashboards.length)
})

test.for(dashboards)('$file can be imported with any data source', ({ file, dashboard }, { expect }) => {
  const { uid, id, tags, templating, panels, title } = dashboard
  expect({ uid, id, tags, schema: dashboard.schemaVersion }).toEqual({
    uid: `airlock-${basename(file, '.json')}`,
    id: undefined,
    tags: ['airlock'],
    schema: schemaVersion,
  })
  expect(title).toMatch(/^Airlock: /)
  expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' })
  const sources = panels.flatMap(({ datasource, targets = [] }) => [datasource, ...targets.map((target) => target.datasource)])
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana substitutes it
  expect(new Set(sources.flatMap((source) => source?.uid ?? []))).toEqual(new Set(['${datasource}']))
})

test.for(dashboards)('every panel of $file has a place, a description and queries', ({ dashboard: { panels } }, { expect }) => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  for (const { type, title, description, targets = [], gridPos: at } of panels) {
    expect(title).not.toBe('')
    expect(at.x + at.w, title).toBeLessThanOrEqual(24)
    if (type === 'row') continue
    expect(description, title).toMatch(/\.$/)
    expect(targets.length, title).toBeGreaterThan(0)
  }
  const overlapping = panels.flatMap((one, index) => panels.slice(index + 1).filter((other) => overlap(one.gridPos, other.gridPos)))
  expect(overlapping.map(({ title }) => title)).toEqual([])
})

const overlap = (a: Panel['gridPos'], b: Panel['gridPos']): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h

test.for(dashboards)('every variable that $file uses is defined', ({ dashboard }, { expect }) => {
  const defined = dashboard.templating.list.map(({ name }) => name)
  const used = JSON.stringify([queriesOf(dashboard), dashboard.templating.list.map(({ query }) => query)]).matchAll(/\$(?!__)(\w+)/g)
  expect([...new Set([...used].map(([, name = '']) => name))].filter((name) => !defined.includes(name))).toEqual([])
})

test('promtool understands every query', { timeout: 60_000 }, async ({ skip }) => {
  skip(spawnSync('promtool', ['--version']).error !== undefined, "promtool is missing: it is in Debian's package prometheus")
  const scratch = mkdtempSync(join(tmpdir(), 'airlock-queries-'))
  onTestFinished(() => rmSync(scratch, { recursive: true }))
  const queries = dashboards.flatMap(({ dashboard }) => queriesOf(dashboard))
  const rules = queries.map((expr, index) => ({ record: `query_${index}`, expr: expr.replaceAll('$__rate_interval', '5m') }))
  const file = join(scratch, 'queries.json') // JSON is YAML
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }))
  await expect(promisify(execFile)('promtool', ['check', 'rules', file])).resolves.toBeDefined()
})
