import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

/** Compares alerts, their tests and the runbook with each other. promtool runs in test/ci. */

interface Rule {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: Record<'summary' | 'description' | 'runbook_url', string>
}

interface RuleTest {
  name: string
  input_series: { series: string; values: string }[]
  promql_expr_test: { expr: string; exp_samples: { labels: string }[] }[]
}

const textOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const { groups } = parse(textOf('deploy/prometheus/alerts.yaml')) as { groups: { rules: Rule[] }[] }
const { tests } = parse(textOf('deploy/prometheus/alerts.test.yaml')) as { tests: RuleTest[] }
const rules = groups.flatMap((group) => group.rules)
const alerts = [...new Set(rules.map(({ alert }) => alert))]

test.for(rules)('$alert ($labels.severity) is complete and links to its chapter', ({ alert, labels, annotations }, { expect }) => {
  expect(['critical', 'warning']).toContain(labels.severity)
  expect(annotations.summary).toMatch(/^\S.{5,80}$/)
  expect(annotations.description.trim()).toMatch(/\.$/)
  expect(annotations.runbook_url).toMatch(new RegExp(`/docs/runbook\\.md#${alert.toLowerCase()}$`))
})

test.for(alerts)('a test lets %s fire, and another one does not', (alert, { expect }) => {
  const expectations = tests.map(({ promql_expr_test: all }) => all.filter(({ expr }) => expr.includes(`alertname="${alert}"`)))
  const fires = (checks: RuleTest['promql_expr_test']) => checks.some(({ exp_samples: samples }) => samples.length > 0)
  expect(expectations.some((checks) => fires(checks))).toBe(true)
  expect(expectations.some((checks) => checks.length > 0 && !fires(checks))).toBe(true)
})

test('each alert has its chapter in the runbook, each chapter its alert, and each chapter all four parts', () => {
  const [, ...chapters] = textOf('docs/runbook.md').split(/^## /m)
  expect(chapters.map((chapter) => chapter.split('\n')[0])).toEqual(alerts)
  const parts = chapters.map((chapter) =>
    [...chapter.matchAll(/^\*\*(Meaning\.|Confirm\.|Do\.|Over when)\*?\*?/gm)].map(([, part]) => part),
  )
  for (const [index, found] of parts.entries()) expect(found, alerts[index]).toEqual(['Meaning.', 'Confirm.', 'Do.', 'Over when'])
})
