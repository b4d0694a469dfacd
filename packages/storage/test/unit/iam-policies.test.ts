import { readFileSync } from 'node:fs'
import { finalPrefixes, quarantinePrefix } from '@airlock/domain'
import { expect, test } from 'vitest'

interface Statement {
  Effect: string
  Action: string[]
  Resource: string | string[]
}

const policyOf = (app: string): Statement[] =>
  JSON.parse(readFileSync(new URL(`../../../../deploy/iam/${app}.json`, import.meta.url), 'utf8')).Statement

/** The prefixes below which a policy allows an action; '' is the bucket itself. */
const prefixesFor = (app: string, action: string): string[] =>
  policyOf(app)
    .filter(({ Action }) => Action.includes(action))
    .flatMap(({ Resource }) => Resource)
    .map((arn) => arn.replace(/^arn:aws:s3:::[^/]+\/?/, '').replace(/\*$/, ''))
    .toSorted()

const everywhere = [...finalPrefixes, quarantinePrefix].toSorted()

test('the gateway writes and deletes in quarantine only', () => {
  for (const action of ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload']) {
    expect(prefixesFor('gateway', action), action).toEqual([quarantinePrefix])
  }
})

test('the gateway reads every asset, to sign downloads of it', () => {
  expect(prefixesFor('gateway', 's3:GetObject')).toEqual(everywhere)
})

test('the worker writes assets of every kind, and nothing into quarantine', () => {
  expect(prefixesFor('worker', 's3:PutObject')).toEqual([...finalPrefixes].toSorted())
})

test('the worker reads and deletes in quarantine and where assets live', () => {
  expect(prefixesFor('worker', 's3:GetObject')).toEqual(everywhere)
  expect(prefixesFor('worker', 's3:DeleteObject')).toEqual(everywhere)
})

test.for(['gateway', 'worker'])('the policy of the %s names each action, and only allows', (app) => {
  for (const { Effect, Action } of policyOf(app)) {
    expect(Effect).toBe('Allow')
    expect(Action.filter((action) => action.includes('*'))).toEqual([])
  }
})
