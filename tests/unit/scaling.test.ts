import { readFileSync } from 'node:fs'
import { lanes } from '@airlock/domain'
import { expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'

interface ScaledObject {
  kind: string
  spec: {
    scaleTargetRef: { name: string }
    minReplicaCount: number
    maxReplicaCount: number
    triggers: { type: string; authenticationRef: { name: string }; metadata: { query: string; targetQueryValue: string } }[]
  }
}

const textOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const manifests = parseAllDocuments(textOf('deploy/keda/scaled-objects.yaml')).map((document) => document.toJS() as ScaledObject)
const scalers = manifests.filter(({ kind }) => kind === 'ScaledObject').map(({ spec }) => spec)

test('each lane has an autoscaler with the documented query', () => {
  const query = textOf('deploy/sql/lane-query.sql').replace(/^--.*\n|^\n/gm, '')
  expect(query).toContain(`'images'`)
  expect(
    scalers.map(({ scaleTargetRef, triggers }) => ({
      target: scaleTargetRef.name,
      types: triggers.map(({ type }) => type),
      queries: triggers.map(({ metadata }) => metadata.query),
    })),
  ).toEqual(
    lanes.map((lane) => ({ target: `airlock-worker-${lane}`, types: ['postgresql'], queries: [query.replace(`'images'`, `'${lane}'`)] })),
  )
})

test('some worker always runs, and others may be scaled to zero', () => {
  expect(scalers.map(({ minReplicaCount }) => minReplicaCount)).toEqual([1, 0, 0])
  for (const { minReplicaCount, maxReplicaCount } of scalers) expect(maxReplicaCount).toBeGreaterThan(minReplicaCount)
})

test('autoscalers add workers long before an alert fires', () => {
  const { groups } = parse(textOf('deploy/prometheus/alerts.yaml')) as { groups: { rules: { alert: string; expr: string }[] }[] }
  const limits = groups.flatMap(({ rules }) =>
    rules.filter(({ alert }) => alert === 'AirlockLaneOld').map(({ expr }) => expr.split('> ')[1]),
  )
  const targets = scalers.flatMap(({ triggers }) => triggers.map(({ metadata }) => Number(metadata.targetQueryValue)))
  expect(Math.max(...targets)).toBeLessThan(Math.min(...limits.map(Number)) / 2)
})
