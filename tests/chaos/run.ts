import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { defaultDataDir, within } from '@airlock/dev-servers'
import { type Arena, clocksOf, filesPerHour, openArena } from './arena.ts'
import { takeBackup } from './backup.ts'
import { Client } from './client.ts'
import { Consumer } from './consumer.ts'
import { Endpoint } from './endpoint.ts'
import { gather } from './evidence.ts'
import { Facts, isWaitingKey, type Unsettled } from './facts.ts'
import { SamplePool } from './files.ts'
import { History } from './history.ts'
import { breachesIn } from './judges.ts'
import { healAll, unleash } from './nemesis.ts'
import { Pipeline } from './pipeline.ts'
import { ageSome, deliverNow, insist, passDays, tryParkedAgain } from './product.ts'
import { RepairWatch } from './repairs.ts'
import { describeClocks, figures, histories, lastLine, type Result } from './report.ts'
import { restoreBoth } from './restores.ts'
import { scheduleOf } from './schedule.ts'
import { checkService } from './service-check.ts'

export interface ChaosOptions {
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  readonly seed: number
  /** Duration of the faults. */
  readonly seconds: number
  readonly say: (line: string) => void
  readonly interrupted: AbortSignal
}

const clients = 6
const pipelines = 2

/** Minimum duration of a run with a backup in its middle and both restores after its end, in seconds. */
const restoresFrom = 60

/**
 * Time limits in ms for all work to end after the repairs: in total, and without progress. A busy machine needs the first for its backlog; the second is
 * longer than any delay of a repair.
 */
const settledWithinMs = 600_000
const movesWithinMs = 45_000

/** Maximum duration of stopping processes and servers, in ms. */
const stoppedWithinMs = 60_000

/**
 * Sends files through Airlock during faults, repairs everything, waits until all work has ended, and compares the responses to clients with the contents
 * of Postgres, S3 and Redis.
 *
 * @returns the exit code: 0 if every guarantee was kept
 */
export async function runChaos(options: ChaosOptions): Promise<number> {
  const { env, seed, say, interrupted } = options
  const chaosFolder = join(defaultDataDir(env), 'chaos')
  mkdirSync(chaosFolder, { recursive: true })
  const folder = mkdtempSync(join(chaosFolder, `seed-${seed}-`))
  const history = new History(folder)
  const clocks = clocksOf(seed)
  const endpoint = await Endpoint.open(seed)
  const arena = await openArena({ env, folder, say, clocks, settings: endpoint.settings })
  say(`Clocks: ${describeClocks(clocks)}`)
  let last = 'chaos: no result'
  let good = false
  try {
    interrupted.throwIfAborted()
    const result = await play(options, { arena, endpoint, history, folder })
    good = result.breaches.length === 0
    last = lastLine(result)
  } finally {
    // a container engine that never responds must not delay the result; the stack's reaper ends leftovers
    await within(stoppedWithinMs, arena.stop(), 'everything to stop').catch((error: Error) => {
      say(error.message) // a secret in a log is also found here
      good = false
    })
    await endpoint.close()
    if (good) rmSync(folder, { recursive: true })
    else say(`\nThe history and all logs are in ${folder}`)
    say(last)
  }
  return good ? 0 : 1
}

interface Stage {
  readonly arena: Arena
  readonly endpoint: Endpoint
  readonly history: History
  readonly folder: string
}

async function play({ root, seed, seconds, say, interrupted }: ChaosOptions, { arena, endpoint, history, folder }: Stage): Promise<Result> {
  const samplePool = new SamplePool(join(root, 'examples/samples'))
  const over = new AbortController()
  const until = AbortSignal.any([over.signal, interrupted])
  const run = { seed, arena, samplePool, history }
  const crowd = Array.from({ length: clients }, (_, number) => new Client({ ...run, number, until }).run())
  const costly = new Client({ ...run, number: clients, until, expensive: true }).run()
  const renderers = Array.from({ length: pipelines }, (_, number) => new Pipeline({ ...run, number, until }).run())
  const consumer = new Consumer(run)
  const reading = consumer.run(until)
  const settled = new AbortController()
  const days = passDays(arena, AbortSignal.any([settled.signal, interrupted]))
  const halfway = () => wait(seconds * 500, undefined, { signal: until })
  const backingUp = seconds < restoresFrom ? null : halfway().then(() => takeBackup(arena))
  for (const work of [backingUp, days]) work?.catch(() => {}) // errors are thrown where the promise is awaited
  const nemesis = unleash(scheduleOf(seed, seconds), arena, history, until)
  await wait(seconds * 1000, undefined, { signal: interrupted }).finally(() => over.abort())
  const faults = await nemesis
  await Promise.all([...crowd, costly, ...renderers])
  await reading
  await healAll(arena)
  endpoint.heal()
  const [facts, others] = [await Facts.open(arena), await Facts.open(arena)]
  const watch = new RepairWatch()
  const watching = watch.run(others, AbortSignal.any([settled.signal, interrupted]))
  watching.catch(() => {}) // as above
  try {
    await checkService(run)
    await insist(arena, tryParkedAgain(root))
    await insist(arena, deliverNow)
    const begun = performance.now()
    await settle(facts, history, interrupted)
    await ageSome(facts, { arena, history })
    await settle(facts, history, interrupted)
    settled.abort()
    await Promise.all([days, watching])
    say(`Settled ${((performance.now() - begun) / 1000).toFixed(1)} s after the repairs`)
    const heard = await consumer.finish()
    const feed = await new Consumer(run).finish()
    const evidence = await gather(facts, history, {
      badHashes: samplePool.badHashes,
      filesPerHour,
      arena,
      feed,
      heard,
      delivered: endpoint.delivered,
    })
    const breaches = [...(await breachesIn(evidence)), ...watch.breaches.values()]
    for (const line of figures(evidence)) say(line)
    for (const { invariant, uploadId, what } of breaches) say(`${invariant} ${uploadId ?? ''} ${what}`)
    for (const line of histories(breaches, history, { folder, clocks: clocksOf(seed) })) say(line)
    const backup = await backingUp
    if (backup !== null) {
      say(`Restores: ${backup.copied.length} objects of ${backup.keys.size} in the backup`)
      const { cursor } = consumer
      const found = await restoreBoth({ ...run, root, folder, facts, backup, before: evidence, cursor })
      for (const { invariant, uploadId, what } of found) say(`${invariant} ${uploadId ?? ''} ${what}`)
      breaches.push(...found)
    }
    return { seed, acknowledged: evidence.acknowledged.size, faults, breaches }
  } finally {
    settled.abort()
    await Promise.allSettled([days, watching])
    await facts.close()
    await others.close()
  }
}

/** Waits until no work is left, there is no progress, or the time is over; then the checks report what is missing. */
async function settle(facts: Facts, history: History, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + settledWithinMs
  const fewest = new Map<string, number>()
  let movesBy = 0
  for (;;) {
    const left = await whatIsLeft(facts)
    // counted separately: a video that leaves the inbox becomes an upload that is not final
    const moved = left.filter(([what, count]) => count < (fewest.get(what) ?? Number.POSITIVE_INFINITY))
    for (const [what, count] of moved) fewest.set(what, count)
    if (moved.length > 0) movesBy = performance.now() + movesWithinMs
    if (left.length === 0 || performance.now() > Math.min(deadline, movesBy)) return
    history.add({ event: 'moving', what: left.map(([what, count]) => `${count} ${what}`).join(', ') })
    await wait(250, undefined, { signal })
  }
}

/** The amount of unfinished work by kind; empty if there is none. */
async function whatIsLeft(facts: Facts): Promise<[what: string, count: number][]> {
  const { quarantined, openUploads, ...counts }: Unsettled = await facts.unsettled()
  const uploads = await facts.uploads()
  const parked = new Set(uploads.filter(({ state }) => state === 'parked').map(({ quarantine_key }) => quarantine_key))
  const named = new Set((await facts.assets()).map(({ s3_key }) => s3_key))
  const all = {
    ...counts,
    'multipart uploads': openUploads.length,
    quarantined: quarantined.filter((key) => !parked.has(key)).length,
    orphans: (await facts.keys()).filter((key) => !isWaitingKey(key) && !named.has(key)).length,
  }
  return Object.entries(all).filter(([, count]) => count > 0)
}
