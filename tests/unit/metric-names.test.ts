import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type DependencyStates, serviceReadings } from '@airlock/config'
import { expect, test } from 'vitest'
import { GatewayMetrics, permitReadings } from '../../apps/gateway/src/operations/metrics.ts'
import { WorkerMetrics } from '../../apps/worker/src/metrics.ts'

/** Compares metrics and labels that rules, dashboards and chart name with those that the services serve. */

const up = { failure: null, ms: 1 }
const states = async (): Promise<DependencyStates> => ({ postgres: up, redis: up, s3: up })
const pools = () => ({ postgres: { inUse: 0, idle: 1, waiting: 0 }, postgres_checks: { inUse: 0, idle: 1, waiting: 0 } })
const build = { version: '0.1.0', revision: 'abc' }
const noLoad = async () => ({ lanes: [], parked: 0, receiving: 0, openDirect: 0, lastSweepAt: null })
const restarts = { cpu_time: 0, memory: 0, crash: 0, machine: 0, aborted: 0, worn: 0 }

/** The metrics of both services in the format of Prometheus, without servers. */
async function servedMetrics(): Promise<string> {
  const gateway = new GatewayMetrics([
    ...serviceReadings({ service: 'gateway', build, states, pools }),
    ...permitReadings(() => ({ inUse: 0, limit: 64 })),
  ])
  gateway.measure({ addHook: () => {} } as never)
  const readings = serviceReadings({ service: 'worker', build, states, pools })
  const worker = new WorkerMetrics({
    load: noLoad,
    eventLagSeconds: async () => 0,
    inspectorUsage: () => ({ restarts, peakBytes: 0 }),
    readings,
  })
  worker.watchEndpoint('shop.example.com#49b1f09e', async () => ({ lagSeconds: 0, dead: 0 }) as never)
  return `${await gateway.text()}\n${await worker.registry.metrics()}`
}

/** The series of each metric, as their labels. */
function seriesIn(text: string): Map<string, Record<string, string>[]> {
  const series = new Map<string, Record<string, string>[]>()
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-z]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const found = Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', value = '']) => [label, value]))
    series.set(name, [...(series.get(name) ?? []), found])
  }
  return series
}

const served = seriesIn(await servedMetrics())

/** Labels that Prometheus adds, and metrics of its own. */
const labelsOfPrometheus = ['job', 'instance']
const metricsOfPrometheus = ['up']

const repository = fileURLToPath(new URL('../../', import.meta.url))
const files = globSync('deploy/{grafana,prometheus,helm}/**/*.{json,yaml,yml,tpl}', { cwd: repository }).toSorted()
const textOf = (file: string) => readFileSync(`${repository}/${file}`, 'utf8').replaceAll('\\"', '"')

test.for(files)('every metric that %s names is served', (file, { expect }) => {
  const named = textOf(file).match(/\b(?:airlock|nodejs|process)_[a-z0-9_]+\b/g) ?? []
  expect([...new Set(named)].filter((name) => !served.has(name))).toEqual([])
})

interface Selector {
  name: string
  matchers: { label: string; operator: string; value: string }[]
}

const selectorsIn = (text: string): Selector[] =>
  [...text.matchAll(/\b([a-z]\w*)\{([^{}]*)\}/g)].map(([, name = '', matchers = '']) => ({
    name,
    matchers: [...matchers.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(([, label = '', operator = '', value = '']) => ({
      label,
      operator,
      value,
    })),
  }))

test.for(files)('every label by which %s selects series exists, with each of the values', (file, { expect }) => {
  const selectors = selectorsIn(textOf(file)).filter(({ name }) => name !== 'ALERTS' && !metricsOfPrometheus.includes(name))
  const wrong = selectors.flatMap(({ name, matchers }) =>
    matchers.flatMap(({ label, operator, value }) => {
      const values = (served.get(name) ?? []).flatMap((labels) => labels[label] ?? [])
      if (labelsOfPrometheus.includes(label)) return []
      if (values.length === 0) return [`${name} has no label ${label}`]
      const isPattern = operator.includes('~')
      return openLabels.includes(label) || value.includes('$')
        ? []
        : unknownValues(value, isPattern, values).map((one) => `${name}{${label}="${one}"}`)
    }),
  )
  expect([...new Set(wrong)]).toEqual([])
})

/** Their values depend on the routes, the configuration or the build. */
const openLabels = ['route', 'status', 'method', 'endpoint', 'version', 'revision', 'node']

const unknownValues = (value: string, isPattern: boolean, values: readonly string[]): string[] =>
  (isPattern ? value.split('|') : [value]).filter((one) => !values.includes(one))

test('metrics of both services are found', () => {
  expect(served.size).toBeGreaterThan(60)
  expect(served.get('airlock_jobs_total')).toContainEqual({ outcome: 'parked' })
})
