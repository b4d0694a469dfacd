import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@airlock/dev-servers'
import { call, tokenFor } from '@airlock/testkit/http'
import { asideBucket, type Backup, backupBucket, restoreRows, sampleSize } from './backup.ts'
import { bucket, type Cluster, type Run } from './cluster.ts'
import type { Evidence, Violation } from './evidence.ts'
import { violationsIn } from './invariants.ts'
import { randomFrom } from './random.ts'
import { type CancelAnswer, olderBucketLosesNothing, olderDatabaseLosesNothing } from './restore-invariants.ts'
import { type ProcessName, processNames } from './schedule.ts'
import { type AssetRow, isWaitingKey, type ServerContents, type UploadRow } from './server-contents.ts'
import { gatewaysReady, sendGoodFile } from './service-check.ts'
import { cleanUpAfterRestore, execute, retryParked } from './statements.ts'

export interface RestoresOptions extends Run {
  readonly contents: ServerContents
  readonly backup: Backup
  /** The state after all work had ended. */
  readonly before: Evidence
  /** A cursor at the end of the feed. */
  readonly cursor: string
}

/** Alerts for operators, by log message. */
const alerts = {
  vanished: '"msg":"asset has no object"',
  lastCopy: '"msg":"assets have no object, their bytes in quarantine kept"',
  unproven: '"msg":"objects in quarantine have no row, left unchanged"',
}
type Alert = keyof typeof alerts

/** Maximum duration of the work after a restore, in ms. */
const doneWithinMs = 600_000

/** Longer than the longest call and request of the cluster together: younger objects are left alone because they may be in use. */
const oldAfterMs = 16_000

const cancelsAtMost = 5
/** Number of files that are accepted and wait before the older database is restored. */
const files = 3
const workers = processNames.filter((name) => !name.startsWith('gateway'))

/**
 * Restores an older bucket under the newer database and repairs it; then restores an older database over the newer bucket. Checks what
 * docs/operating.md promises for both.
 */
export async function restoreBoth(options: RestoresOptions): Promise<Violation[]> {
  return [...(await olderBucket(options)), ...(await olderDatabase(options))]
}

async function olderBucket({ cluster, contents, backup, before }: RestoresOptions): Promise<Violation[]> {
  const now = new Set(await contents.keys())
  const copied = new Set(backup.copied)
  const waitedAt = (asset: AssetRow) => before.uploads.get(asset.upload_id)?.quarantine_key ?? ''
  const newer = before.assets.filter(({ s3_key }) => !backup.keys.has(s3_key))
  const missing = [...newer.filter((a) => copied.has(waitedAt(a))), ...newer.filter((a) => !copied.has(waitedAt(a)))].slice(0, sampleSize)
  const back = backup.copied.filter((key) => !now.has(key))
  const alertsSince = watchAlerts(cluster)
  for (const { s3_key } of missing) await contents.move(s3_key, { from: bucket, to: asideBucket })
  for (const key of back) await contents.copy(key, { from: backupBucket, to: bucket })
  await sweeps(contents)
  const lastCopies = new Map(missing.filter((a) => back.includes(waitedAt(a))).map((a) => [waitedAt(a), a]))
  const left = await contents.objects([...lastCopies.keys()])
  const [assets, keys] = [await contents.assets(), new Set(await contents.keys())]
  const violations = olderBucketLosesNothing({ before, assets, missing, lastCopies, left, back, keys, alerted: alertsSince() })

  for (const { s3_key } of missing) await contents.move(s3_key, { from: asideBucket, to: bucket })
  await sweeps(contents)
  const repaired = { ...before, assets: missing, objects: await contents.objects(missing.map(({ s3_key }) => s3_key)) }
  const waiting = (await contents.keys()).filter((key) => isWaitingKey(key) && !now.has(key))
  const unfinished = waiting.map((key) => ({ kind: 'waiting object although its asset has its object again', uploadId: null, key }))
  return [...violations, ...violationsIn(repaired, ['I3']), ...violationsIn({ ...before, unfinished }, ['I5'])]
}

async function olderDatabase(options: RestoresOptions): Promise<Violation[]> {
  const { cluster, contents, before, samplePool, seed, cursor, history } = options
  const alertsSince = watchAlerts(cluster)
  await Promise.all(workers.map((name) => cluster.process(name).stop()))
  const random = randomFrom(seed, 'restores')
  const refusals = history.all('refused wrongly').length
  for (let number = 1; number <= files; number += 1)
    await sendGoodFile(cluster.gateways[0] ?? '', samplePool.draw('brand_image', `later-${number}`, random, true), { cluster, history })
  const later = (await contents.uploads()).filter(({ id }) => !before.uploads.has(id)).map(({ quarantine_key }) => quarantine_key)
  await Promise.all(processNames.map((name) => cluster.process(name).stop()))
  for (const statement of [restoreRows, cleanUpAfterRestore()]) await execute(cluster, statement)
  await retryParked(cluster)
  const waited = (await contents.uploads()).filter(({ state }) => state === 'received' || state === 'processing')

  await startAll(options, ['gateway-1', 'gateway-2'])
  const feed = await call(`${cluster.gateways[0]}/api/events?after=${encodeURIComponent(cursor)}&wait=0`, {
    token: tokenFor(randomUUID(), cluster.jwtSecret, { scope: 'service' }),
  })
  const cancels = await cancelSome(waited, options)
  await startAll(options, workers)
  const pending = () => contents.count(`uploads where state in ('received', 'processing')`)
  await waitFor(async () => (await pending()) === 0, { what: 'restored uploads to end', timeoutMs: doneWithinMs, everyMs: 500 })
  await sweeps(contents)

  const uploads = new Map((await contents.uploads()).map((row) => [row.id, row]))
  const assets = await contents.assets()
  const keys = new Set(await contents.keys())
  const ids = new Set(waited.map(({ id }) => id))
  const remade = assets.filter(({ upload_id }) => ids.has(upload_id))
  const objects = await contents.objects(remade.map(({ s3_key }) => s3_key))
  const refused = history.all('refused wrongly').slice(refusals)
  return [
    ...refused.map(
      ({ name, why }): Violation => ({ invariant: 'I10', uploadId: null, what: `${name ?? 'a gateway'} at the restore: ${why}` }),
    ),
    ...olderDatabaseLosesNothing({ before, waited, uploads, assets, keys, later, cancels, feed, alerted: alertsSince() }),
    ...violationsIn({ ...before, assets: remade, objects, uploads }, ['I3']),
  ]
}

/** Cancels uploads of restored rows that had become assets, while no worker runs. */
async function cancelSome(waited: readonly UploadRow[], { cluster, before }: RestoresOptions): Promise<CancelAnswer[]> {
  const withAsset = new Set(before.assets.map(({ upload_id }) => upload_id))
  const answers: CancelAnswer[] = []
  for (const { id, user_id } of waited.filter((row) => withAsset.has(row.id)).slice(0, cancelsAtMost)) {
    const answer = await call(`${cluster.gateways[1]}/api/jobs/${id}`, { method: 'DELETE', token: tokenFor(user_id, cluster.jwtSecret) })
    answers.push({ uploadId: id, answer })
  }
  return answers
}

async function startAll({ cluster, history }: RestoresOptions, names: readonly ProcessName[]): Promise<void> {
  await Promise.all(names.map((name) => cluster.process(name).start()))
  await gatewaysReady({ cluster, history })
}

/** Waits until the sweeper has completed two passes over everything that is old enough. */
async function sweeps(contents: ServerContents): Promise<void> {
  await wait(oldAfterMs)
  for (const rule of ['strays', 'leftovers', 'strays', 'leftovers']) {
    const endedAt = async () =>
      (await contents.rows<{ at: string | null }>(`select places -> '${rule}' ->> 'endedAt' as at from sweeper`))[0]?.at ?? null
    const begun = await endedAt()
    await waitFor(async () => (await endedAt()) !== begun, { what: `a pass of the rule ${rule}`, timeoutMs: doneWithinMs, everyMs: 500 })
  }
}

/** @returns a function that returns the alerts since then, in the logs of all processes */
function watchAlerts(cluster: Cluster): () => ReadonlySet<Alert> {
  const logs = () => processNames.map((name) => cluster.process(name).log())
  const before = logs()
  return () => {
    const since = logs().map((log, index) => log.slice(before[index]?.length))
    return new Set((Object.keys(alerts) as Alert[]).filter((name) => since.some((log) => log.includes(alerts[name]))))
  }
}
