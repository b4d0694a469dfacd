import { expect, test } from 'vitest'
import { differs, missing, ok, skipped } from '../../src/commands/probe/check.ts'
import { asJson, asMarkdown, asText, isFatal, type Line, lineOf } from '../../src/commands/probe/report.ts'
import { briefly, readTarget } from '../../src/commands/probe/s3-target.ts'

const line = (capability: string, without: string | null, finding = ok()): Line =>
  lineOf({ capability, without, try: async () => finding }, finding)

const needed = line('multipart upload', null)
const broken = line('presigned GET', null, missing('answers 500'))
const wanting = line('encryption on put', 'set S3_SSE=none', missing('HEAD reports a|b*'))
const alsoWanting = line('encryption on a copy', 'set S3_SSE=none', missing('HEAD does not report it'))
const other = line('abort', 'nothing', differs('answers 204'))
const untried = line('policies', 'nothing', skipped('not ours'))

test('a store with all required features can be used, and missing optional ones are reported', () => {
  expect(asText([needed, wanting, alsoWanting, other])).toBe(
    [
      'multipart upload      ok',
      'encryption on put     missing  HEAD reports a|b*',
      'encryption on a copy  missing  HEAD does not report it',
      'abort                 differs  answers 204',
      '',
      'Consequences of missing capabilities:',
      '  encryption on put; encryption on a copy:',
      '      set S3_SSE=none',
      '',
      'Airlock can run on this store.',
    ].join('\n'),
  )
})

test("a store without a required feature can't be used", () => {
  expect(asText([needed, broken])).toMatch(/^Airlock can't run on this store: it needs 'presigned GET'\.$/m)
  expect(JSON.parse(asJson([needed, broken]))).toMatchObject({
    usable: false,
    capabilities: [{ needed: true, result: 'ok' }, { result: 'missing' }],
  })
})

test('only missing required features are fatal', () => {
  expect([needed, broken, wanting, other, untried].filter(isFatal)).toEqual([broken])
})

test('a remark does not break the table in the docs', () => {
  expect(asMarkdown([needed, wanting])).toBe(
    [
      '| capability | result | remark |',
      '| --- | --- | --- |',
      '| multipart upload | ok |  |',
      '| encryption on put | missing | HEAD reports a\\|b\\* |',
    ].join('\n'),
  )
})

test.for([
  { error: Object.assign(new Error('x'), { name: 'NoSuchBucket', $metadata: { httpStatusCode: 404 } }), short: 'NoSuchBucket (404)' },
  { error: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), short: 'ECONNREFUSED' },
  { error: new Error('a message of ours'), short: 'a message of ours' },
  { error: 'a text', short: 'a text' },
])('an error is shortened: $short', ({ error, short }) => {
  expect(briefly(error)).toBe(short)
})

test('flags take precedence over the environment', () => {
  const env = { S3_ENDPOINT: 'http://one:1', S3_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' }

  expect(readTarget(env, {})).toEqual({
    endpoint: 'http://one:1',
    region: 'eu-west-1',
    forcePathStyle: false,
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
  })
  expect(readTarget(env, { endpoint: 'http://two:2', 'access-key': 'b', 'secret-key': 't' })).toMatchObject({
    endpoint: 'http://two:2',
    forcePathStyle: true,
    credentials: { accessKeyId: 'b', secretAccessKey: 't' },
  })
  expect(readTarget(env, { endpoint: 'https://three', 'virtual-host': true })).toMatchObject({ forcePathStyle: false })
})

test("without endpoint and keys it is Amazon S3 with the SDK's default credentials", () => {
  expect(readTarget({}, {})).toEqual({ endpoint: null, region: 'us-east-1', forcePathStyle: false, credentials: null })
})
