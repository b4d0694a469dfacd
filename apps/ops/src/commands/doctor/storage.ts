import { type Environment, readConfig } from '@airlock/config'
import { type VerifyDeps, type VerifyOptions, type Violation, verify } from '@airlock/lifecycle'
import { HeadBucketCommand } from '@aws-sdk/client-s3'
import { printable } from '../../table.ts'
import { checkBucket } from '../bucket/index.ts'
import { probeStore } from '../probe/index.ts'
import { isFatal } from '../probe/report.ts'
import { clientFor, readTarget } from '../probe/s3-target.ts'
import { type FindingOf, ok, orOk, problem, unknown } from './finding.ts'

/** The store's clock, from the `Date` of a response, whatever it says. @returns by how many ms it is ahead of ours; null: no date */
export async function storeAheadMs(env: Environment): Promise<number | null> {
  const client = clientFor(readTarget(env, {}), 'WHEN_REQUIRED')
  const { S3_BUCKET_NAME: Bucket } = readConfig(env, ['S3_BUCKET_NAME'])
  let aheadMs: number | null = null
  client.middlewareStack.add(
    (next) => async (args) => {
      const begun = Date.now()
      const result = await next(args)
      const { headers } = result.response as { headers?: Record<string, string> }
      // the header has whole seconds: half a second is what it lacks on average
      const at = Date.parse(headers?.date ?? '') + 500
      if (!Number.isNaN(at)) aheadMs = at - (begun + Date.now()) / 2
      return result
    },
    { name: 'readDate', step: 'deserialize', priority: 'low' },
  )
  try {
    await client.send(new HeadBucketCommand({ Bucket })).catch(() => {})
    return aheadMs
  } finally {
    client.destroy()
  }
}

const administrator = 'with a key of an administrator (docs/bucket-setup.md#who-may-do-what)'

/** The settings that `ops bucket --check` compares. Services usually may not read them. */
export async function bucketSettings(env: Environment): Promise<readonly FindingOf[]> {
  const lines = await checkBucket(env)
  const denied = lines.filter(({ remark }) => remark.endsWith('(403)'))
  const wrong = lines.filter((line) => !denied.includes(line) && (line.outcome === 'differs' || line.outcome === 'failed'))
  const found = wrong.map(({ setting, remark }) =>
    problem(`${setting}: ${printable(remark)}`, 'npm run ops -- bucket --apply (docs/bucket-setup.md)'),
  )
  const settings = denied.map(({ setting }) => setting).join(', ')
  if (denied.length > 0) found.push(unknown(`not permitted to read: ${settings}`, `npm run ops -- bucket --check ${administrator}`))
  return orOk(found, lines.map(({ setting, outcome }) => (outcome === 'ok' ? setting : `${setting} is ${outcome}`)).join('; '))
}

/** The capabilities of the store, tried under `airlock-probe/` in the bucket. Everything that was created is removed. */
export async function storeCapabilities(env: Environment, onLeft: (text: string) => void): Promise<readonly FindingOf[]> {
  const { S3_BUCKET_NAME: bucket } = readConfig(env, ['S3_BUCKET_NAME'])
  const lines = await probeStore(readTarget(env, {}), { givenBucket: bucket, onLeft })
  const missing = lines.filter(isFatal)
  if (missing.length > 0 && missing.every(({ remark }) => remark.endsWith('(403)')))
    return [unknown('not permitted to write under airlock-probe/', `npm run ops -- probe ${administrator}`)]
  return orOk(
    missing.map(({ capability, remark }) =>
      problem(`the store lacks '${capability}': ${printable(remark)}`, 'Airlock requires it: docs/object-stores.md'),
    ),
    'the store has all that Airlock requires',
  )
}

/** What the sweeper removes by itself, or what does no harm. */
const harmless: readonly Violation['what'][] = [
  'object of an ended upload',
  'open multipart upload of an ended upload',
  'object without a matching row',
]

/** Rows and objects that are compared from each of the two beginnings. */
const verifiedAtMost = 1000
const verifiedForMs = 10_000

/** Compares the first rows and objects of the assets, and the first that wait for inspection. Objects are only read. */
export async function firstRowsAndObjects(options: Omit<VerifyOptions, 'after'>, deps: VerifyDeps): Promise<readonly FindingOf[]> {
  const violations: Violation[] = []
  const deadline = performance.now() + verifiedForMs
  let [total, isComplete] = [0, true]
  for (const after of [null, 'quarantine ']) {
    let checked = 0
    for await (const page of verify({ ...options, after }, deps)) {
      violations.push(...page.violations)
      checked += page.checked
      const isPast = after === null && page.next?.startsWith('quarantine ') // the other beginning
      if (page.next === null || isPast) break
      if (checked >= verifiedAtMost || performance.now() > deadline) {
        isComplete = false
        break
      }
    }
    total += checked
  }
  const serious = Map.groupBy(
    violations.filter(({ what }) => !harmless.includes(what)),
    ({ what }) => what,
  )
  const found = [...serious].map(([what, of]) =>
    problem(`${what}: ${of.length}, such as ${printable(of[0]?.key ?? '')}`, 'npm run ops -- verify lists all (docs/operating.md)'),
  )
  const rest = violations.length - [...serious.values()].flat().length
  const detail = `${total} rows and objects agree${rest > 0 ? `, but for ${rest} that do no harm` : ''}`
  return found.length > 0 ? found : [ok(isComplete ? detail : `${detail}; npm run ops -- verify checks all`)]
}
