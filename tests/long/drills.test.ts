import { join } from 'node:path'
import { programInPath, waitFor } from '@airlock/dev-servers'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { chapterOf, DrillStack } from './drills/drill-stack.ts'
import { accelerated, type Prometheus, rules, startPrometheus } from './drills/prometheus.ts'
import { type Drill, drills } from './drills/table.ts'

/**
 * For each alert: a fault is injected, the alert fires in a real Prometheus that scrapes real processes, the commands of its chapter of the runbook, run
 * as written, find and resolve it, and the alert ends.
 */

const program = programInPath('prometheus')

/** Alerts that can't be tested here, with the reason. */
const withoutDrill: Readonly<Record<string, string>> = {}

const isOf = (drill: Pick<Drill, 'alert' | 'severity'>, alert: string, severity = '') =>
  drill.alert === alert && (drill.severity === undefined || drill.severity === severity)

let stack: DrillStack
let prometheus: Prometheus

beforeAll(async () => {
  if (program === null) return
  stack = await DrillStack.open()
  const { cluster } = stack
  const workers = (['images-1', 'images-2', 'videos-1'] as const).map((name) => cluster.url(name))
  const faster = rules.map((rule) => accelerated(rule, drills.find((drill) => isOf(drill, rule.alert, rule.labels.severity))?.speed ?? 1))
  prometheus = await startPrometheus({
    program,
    folder: join(cluster.stack.file.folder, 'prometheus'),
    targets: { 'airlock-gateway': cluster.gateways, 'airlock-worker': workers },
    rules: faster,
  })
})
beforeEach(({ skip }) => skip(program === null, "prometheus is missing: it is in Debian's package prometheus"))
afterAll(async () => {
  await prometheus?.stop()
  await stack?.close()
})

test('every alert has a drill, or a reason why it has none', () => {
  const known = ({ alert, labels }: (typeof rules)[number]) =>
    alert in withoutDrill || drills.some((drill) => isOf(drill, alert, labels.severity))
  expect(rules.filter((rule) => !known(rule)).map(({ alert }) => alert)).toEqual([])
})

const isFiring = async (drill: Drill) =>
  (await prometheus.firing()).some(({ labels }) => isOf(drill, labels.alertname ?? '', labels.severity))

test.for(drills.map((drill) => ({ title: [drill.alert, drill.severity].join(' ').trim(), ...drill })))(
  '$title',
  async (drill, { annotate, expect }) => {
    const { confirm, promql } = stack.begin(drill.alert)
    onTestFinished(() => stack.restore())
    await waitFor(async () => !(await isFiring(drill)), { what: `${drill.alert} not to fire yet`, timeoutMs: 120_000, everyMs: 500 })
    const begun = Date.now()
    const seconds = () => Math.round((Date.now() - begun) / 1000)

    await drill.inject(stack)
    await waitFor(() => isFiring(drill), { what: `${drill.alert} to fire`, timeoutMs: 300_000, everyMs: 500 })
    const firedAfter = seconds()

    // Commands may fail, which confirms the fault, but they must exist: 2 is the code for wrong usage, 127 for a missing program.
    for (const command of confirm) {
      const { code, output } = await stack.run(command)
      expect([2, 127], `${command}\n${output}`).not.toContain(code)
    }
    for (const query of promql) await prometheus.query(query)

    await drill.repair(stack)
    await waitFor(async () => !(await isFiring(drill)), { what: `${drill.alert} to end`, timeoutMs: 300_000, everyMs: 500 })
    await annotate(`fired after ${firedAfter} s, ended after ${seconds()} s`)
  },
)

test('the runbook has a chapter for each drill', () => {
  expect(drills.filter(({ alert }) => !chapterOf(alert).text.includes('**Do.**')).map(({ alert }) => alert)).toEqual([])
})
