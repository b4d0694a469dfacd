import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@airlock/dev-servers'
import { call, tokenFor } from '@airlock/testkit/http'
import { bucket, type Run } from './arena.ts'
import { asideBucket, type Backup, backupBucket, Copies, restoreRows, sampleSize } from './backup.ts'
import type { Breach, Evidence } from './evidence.ts'
import type { AssetRow, Facts, FoundObject, UploadRow } from './facts.ts'
import { isWaitingKey } from './facts.ts'
import { assetsHaveObjects } from './judges.ts'
import { forgetAfterRestore, insist, tryParkedAgain } from './product.ts'
import { randomFrom } from './random.ts'
import { type CancelAnswer, olderBucketCostsNothing, olderDatabaseCostsNothing } from './restored.ts'
import { type MemberName, members } from './schedule.ts'
import { ready, sendGoodFile } from './service-check.ts'

export interface RestoresOptions extends Run {
  readonly root: string
  /** Where the processes' logs are. */
  readonly folder: string
  readonly facts: Facts
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

/** Maximum duration of the work after a restore, in ms. */
const doneWithinMs = 600_000

/** Longer than the longest call and request of the arena together: younger objects are left alone because they may be in use. */
const oldAfterMs = 16_000

const cancelsAtMost = 5
/** Number of files that are accepted and wait before the older database is restored. */
const files = 3
const workers = members.filter((name) => !name.startsWith('gateway'))

/**
 * Restores an older bucket under the newer database and repairs it; then restores an older database over the newer bucket. Checks what
 * docs/operating.md promises for both.
 */
export async function restoreBoth(options: RestoresOptions): Promise<Breach[]> {
  return [...(await olderBucket(options)), ...(await olderDatabase(options))]
}

async function olderBucket(options: RestoresOptions): Promise<Breach[]> {
  const { arena, facts, backup, before } = options
  const now = new Set(await facts.keys())
  const copied = new Set(backup.copied)
  const waitedAt = (asset: AssetRow) => before.uploads.get(asset.upload_id)?.quarantine_key ?? ''
  const newer = before.assets.filter(({ s3_key }) => !backup.keys.has(s3_key))
  const missing = [...newer.filter((a) => copied.has(waitedAt(a))), ...newer.filter((a) => !copied.has(waitedAt(a)))].slice(0, sampleSize)
  const back = backup.copied.filter((key) => !now.has(key))
  const said = alertsIn(options.folder)
  const copies = new Copies(arena)
  try {
    for (const { s3_key } of missing) await copies.move(s3_key, { from: bucket, to: asideBucket })
    for (const key of back) await copies.copy(key, { from: backupBucket, to: bucket })
    await passes(facts)
    const lastCopies = new Map(missing.filter((a) => back.includes(waitedAt(a))).map((a) => [waitedAt(a), a]))
    const left = await objectsAt(facts, [...lastCopies.keys()])
    const keys = new Set(await facts.keys())
    const alerted = newAlerts(said, alertsIn(options.folder))
    const found = olderBucketCostsNothing({ before, assets: await facts.assets(), missing, lastCopies, left, back, keys, alerted })

    for (const { s3_key } of missing) await copies.move(s3_key, { from: asideBucket, to: bucket })
    await passes(facts)
    const mended = { ...before, assets: missing, objects: await objectsAt(facts, [...missing.map(({ s3_key }) => s3_key)]) }
    const waiting = (await facts.keys()).filter((key) => isWaitingKey(key) && !now.has(key))
    const spare = waiting.map(
      (key): Breach => ({ invariant: 'I5', uploadId: null, what: `${key} waits, and its asset has its object again` }),
    )
    return [...found, ...assetsHaveObjects(mended), ...spare]
  } finally {
    copies.close()
  }
}

async function olderDatabase(options: RestoresOptions): Promise<Breach[]> {
  const { arena, facts, before, root, samplePool, seed, cursor } = options
  const said = alertsIn(options.folder)
  await Promise.all(workers.map((name) => arena.member(name).stop()))
  const random = randomFrom(seed, 'restores')
  const { history } = before
  const refusals = history.all('refused wrongly').length
  for (let number = 1; number <= files; number += 1)
    await sendGoodFile(arena.gateways[0] ?? '', samplePool.drawGood('brand_image', `forgotten-${number}`, random), { arena, history })
  const forgotten = (await facts.uploads()).filter(({ id }) => !before.uploads.has(id)).map(({ quarantine_key }) => quarantine_key)
  await Promise.all(members.map((name) => arena.member(name).stop()))
  await insist(arena, restoreRows)
  await insist(arena, forgetAfterRestore(root))
  await insist(arena, tryParkedAgain(root))
  const waited = (await facts.uploads()).filter(({ state }) => state === 'received' || state === 'processing')

  await startAll(options, ['gateway-1', 'gateway-2'])
  const feed = await call(`${arena.gateways[0]}/api/events?after=${encodeURIComponent(cursor)}&wait=0`, {
    token: tokenFor(randomUUID(), arena.jwtSecret, { scope: 'service' }),
  })
  const cancels = await cancelSome(waited, options)
  await startAll(options, workers)
  await waitFor(async () => (await facts.unsettled()).pending === 0, {
    what: 'restored uploads to end',
    timeoutMs: doneWithinMs,
    everyMs: 500,
  })
  await passes(facts)

  const uploads = new Map((await facts.uploads()).map((row) => [row.id, row]))
  const assets = await facts.assets()
  const keys = new Set(await facts.keys())
  const ids = new Set(waited.map(({ id }) => id))
  const remade = assets.filter(({ upload_id }) => ids.has(upload_id))
  const objects = await objectsAt(facts, [...remade.map(({ s3_key }) => s3_key), ...forgotten])
  const alerted = newAlerts(said, alertsIn(options.folder))
  const refused = history
    .all('refused wrongly')
    .slice(refusals)
    .map(({ name, why }): Breach => ({ invariant: 'I10', uploadId: null, what: `${name ?? 'a gateway'} at the restore: ${why}` }))
  return [
    ...refused,
    ...olderDatabaseCostsNothing({ before, waited, uploads, assets, keys, objects, forgotten, cancels, feed, alerted }),
    ...assetsHaveObjects({ ...before, assets: remade, objects, uploads }),
  ]
}

/** Cancels uploads of restored rows that had become assets, while no worker runs. */
async function cancelSome(waited: readonly UploadRow[], { arena, before }: RestoresOptions): Promise<CancelAnswer[]> {
  const withAsset = new Set(before.assets.map(({ upload_id }) => upload_id))
  const answers: CancelAnswer[] = []
  for (const { id, user_id } of waited.filter((row) => withAsset.has(row.id)).slice(0, cancelsAtMost)) {
    const answer = await call(`${arena.gateways[1]}/api/jobs/${id}`, { method: 'DELETE', token: tokenFor(user_id, arena.jwtSecret) })
    answers.push({ uploadId: id, answer })
  }
  return answers
}

async function startAll({ arena, before: { history } }: RestoresOptions, names: readonly MemberName[]): Promise<void> {
  await Promise.all(names.map((name) => arena.member(name).start()))
  await ready({ arena, history })
}

/** Waits until the sweeper has completed two passes over everything that is old enough. */
async function passes(facts: Facts): Promise<void> {
  await wait(oldAfterMs)
  for (const rule of ['strays', 'leftovers', 'strays', 'leftovers']) {
    const endedAt = async () =>
      (await facts.rows<{ at: string | null }>(`select places -> '${rule}' ->> 'endedAt' as at from sweeper`))[0]?.at ?? null
    const begun = await endedAt()
    await waitFor(async () => (await endedAt()) !== begun, { what: `a pass of the rule ${rule}`, timeoutMs: doneWithinMs, everyMs: 500 })
  }
}

async function objectsAt(facts: Facts, keys: readonly string[]): Promise<Map<string, FoundObject>> {
  const objects = new Map<string, FoundObject>()
  for (const key of keys) {
    const object = await facts.object(key)
    if (object !== null) objects.set(key, object)
  }
  return objects
}

type Alert = keyof typeof alerts

/** The number of each alert in the logs of all processes. */
function alertsIn(folder: string): Record<Alert, number> {
  const text = readdirSync(folder)
    .filter((file) => file.endsWith('.log'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n')
  const counts = Object.entries(alerts).map(([name, words]) => [name, text.split(words).length - 1])
  return Object.fromEntries(counts) as Record<Alert, number>
}

const newAlerts = (before: Record<Alert, number>, after: Record<Alert, number>): ReadonlySet<Alert> =>
  new Set((Object.keys(alerts) as Alert[]).filter((name) => after[name] > before[name]))
