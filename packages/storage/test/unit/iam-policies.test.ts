import { readFileSync } from 'node:fs'
import { finalPrefixes, inboxPrefix, quarantinePrefix } from '@airlock/domain'
import { expect, test } from 'vitest'

interface Statement {
  Effect: string
  Action: string[]
  Resource: string | string[]
  Condition?: Record<string, Record<string, string>>
}

const policyOf = (app: string): Statement[] =>
  JSON.parse(readFileSync(new URL(`../../../../deploy/iam/${app}.json`, import.meta.url), 'utf8')).Statement

const allowedBy = (app: string): Statement[] => policyOf(app).filter(({ Effect }) => Effect === 'Allow')

const own = 'zapcut-prod'
const foreign = 'zapcut-renders'

/** The prefixes of a bucket under which a policy allows an action; '' stands for all objects. */
const prefixesFor = (app: string, action: string, bucket = own): string[] =>
  resourcesFor(app, action)
    .filter((arn) => arn.startsWith(`arn:aws:s3:::${bucket}/`))
    .map((arn) => arn.slice(`arn:aws:s3:::${bucket}/`.length).replace(/\*$/, ''))
    .toSorted()

const resourcesFor = (app: string, action: string): string[] =>
  policyOf(app)
    .filter(({ Effect, Action }) => Effect === 'Allow' && Action.includes(action))
    .flatMap(({ Resource }) => Resource)

const everywhere = [...finalPrefixes, quarantinePrefix].toSorted()

test('the gateway can write and delete only in quarantine', () => {
  for (const action of ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload']) {
    expect(prefixesFor('gateway', action), action).toEqual([quarantinePrefix])
  }
})

test('the gateway can read every asset and the inbox', () => {
  expect(prefixesFor('gateway', 's3:GetObject')).toEqual([...everywhere, inboxPrefix].toSorted())
})

test('the worker can write assets of every kind, and not into quarantine', () => {
  expect(prefixesFor('worker', 's3:PutObject')).toEqual([...finalPrefixes].toSorted())
})

test("the worker can read and delete in quarantine, the inbox and the assets' prefixes", () => {
  expect(prefixesFor('worker', 's3:GetObject')).toEqual([...everywhere, inboxPrefix].toSorted())
  expect(prefixesFor('worker', 's3:DeleteObject')).toEqual([...everywhere, inboxPrefix].toSorted())
})

test.for(['gateway', 'worker'])('the %s can only read in other buckets, below one prefix', (app) => {
  const actions = allowedBy(app).filter(({ Resource }) => [Resource].flat().some((arn) => arn.includes(foreign)))
  expect(actions.flatMap(({ Action }) => Action).toSorted()).toEqual(['s3:GetObject', 's3:ListBucket'])
  expect(prefixesFor(app, 's3:GetObject', foreign)).toEqual(['finished/'])
  const listing = actions.find(({ Action }) => Action.includes('s3:ListBucket'))
  expect(listing?.Condition).toEqual({ StringLike: { 's3:prefix': 'finished/*' } })
  expect(resourcesFor(app, 's3:ListBucket')).toEqual([`arn:aws:s3:::${own}`, `arn:aws:s3:::${foreign}`])
})

test('a pipeline can only write into the inbox', () => {
  expect(allowedBy('pipeline').flatMap(({ Action }) => Action)).toEqual(['s3:PutObject', 's3:AbortMultipartUpload'])
  expect(prefixesFor('pipeline', 's3:PutObject')).toEqual([inboxPrefix])
  expect(prefixesFor('pipeline', 's3:AbortMultipartUpload')).toEqual([inboxPrefix])
})

test.for(['gateway', 'worker', 'pipeline'])('the policy of the %s has no wildcard actions', (app) => {
  for (const { Action } of policyOf(app)) expect(Action.filter((action) => action.includes('*'))).toEqual([])
})

test("a pipeline can't store objects with its own key (SSE-C)", () => {
  const refused = policyOf('pipeline').filter(({ Condition }) => Condition?.Null?.['s3:x-amz-server-side-encryption-customer-algorithm'])
  expect(refused).toMatchObject([{ Effect: 'Deny', Action: ['s3:PutObject'], Resource: `arn:aws:s3:::${own}/${inboxPrefix}*` }])
})

/** The statements of a policy that refuse old signatures, by their limit in ms. */
const signatureLimits = (app: string): [limitMs: number, statement: Statement][] =>
  policyOf(app).flatMap((statement) => {
    const limit = statement.Condition?.NumericGreaterThan?.['s3:signatureAge']
    return limit === undefined ? [] : [[Number(limit), statement] as [number, Statement]]
  })

test.for(['gateway', 'worker'])('a signature of the %s is valid for the maximum lifetime of presigned URLs', (app) => {
  const longestMs = 7 * 24 * 3_600_000 // of Signature Version 4, and of PRESIGN_MAX_HOURS
  const [limit, ...others] = signatureLimits(app).filter(([limitMs]) => limitMs === longestMs)
  expect(others).toEqual([])
  for (const bucket of [own, foreign]) expect(limit?.[1].Resource).toContain(`arn:aws:s3:::${bucket}/*`)
})

test('a URL with which clients write is refused after an hour, the maximum of DIRECT_URL_SECONDS', () => {
  const shorter = signatureLimits('gateway').filter(([limitMs]) => limitMs < 7 * 24 * 3_600_000)
  expect(shorter).toMatchObject([
    [3_600_000, { Effect: 'Deny', Action: ['s3:PutObject'], Resource: `arn:aws:s3:::${own}/${quarantinePrefix}*` }],
  ])
  expect(prefixesFor('gateway', 's3:ListMultipartUploadParts')).toEqual([quarantinePrefix])
})
