import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { defaultDataDir, within } from '@airlock/dev-servers'
import { takeBackup } from './backup.ts'
import { Client } from './client.ts'
import { clocksOf, filesPerHour, startCluster } from './cluster.ts'
import { Consumer } from './consumer.ts'
import { DirectClient } from './direct-client.ts'
import { type Endpoint, openEndpoint } from './endpoint.ts'
import { gather } from './evidence.ts'
import { injectFaults, repairAll } from './fault-injector.ts'
import { SamplePool } from './files.ts'
import { History } from './history.ts'
import { findViolations } from './invariants.ts'
import { Pipeline } from './pipeline.ts'
import { RepairWatch } from './repairs.ts'
import { counts, describe, describeClocks, histories, lastLine, type Result } from './report.ts'
import { type RestoresOptions, restoreBoth } from './restores.ts'
import { scheduleOf } from './schedule.ts'
import { ServerContents } from './server-contents.ts'
import { checkService } from './service-check.ts'
import { ageSome, endGracePeriods, execute, makeDeliveriesDue, retryParked } from './statements.ts'

export interface ChaosOptions {
  readonly seed: number
  /** Duration of the faults. */
  readonly seconds: number
  readonly log: (line: string) => void
  readonly interrupted: AbortSignal
}

const clients = 6
const directClients = 2
const pipelines = 2

/** Minimum duration of a run with a backup in its middle and both restores after its end, in seconds. */
const restoresFrom = 60

/**
 * Time limits in ms for all work to end after the repairs: in total, and without progress. A busy machine needs the first for its backlog; the second is
 * longer than any delay of a repair.
 */
const settledWithinMs = 600_000
const progressWithinMs = 45_000

/** Maximum duration of stopping processes and servers, in ms. */
const stoppedWithinMs = 60_000

/**
 * Sends files through Airlock during faults, repairs everything, waits until all work has ended, and compares the responses to clients with the contents
 * of Postgres, S3 and Redis.
 *
 * @returns the exit code: 0 if every guarantee was kept
 */
export async function runChaos(options: ChaosOptions): Promise<number> {
  const { seed, log, interrupted } = options
  const chaosFolder = join(defaultDataDir(), 'chaos')
  mkdirSync(chaosFolder, { recursive: true })
  const folder = mkdtempSync(join(chaosFolder, `seed-${seed}-`))
  const history = new History(folder)
  const clocks = clocksOf(seed)
  const endpoint = await openEndpoint(seed)
  const cluster = await startCluster({ folder, log, clocks, settings: endpoint.settings })
  const contents = new ServerContents(cluster)
  log(`Clocks: ${describeClocks(clocks)}`)
  let last = 'chaos: no result'
  let good = false
  try {
    interrupted.throwIfAborted()
    const result = await play(options, { cluster, contents, endpoint, history })
    good = result.violations.length === 0
    last = lastLine(result)
  } finally {
    await contents.close()
    // a container engine that never responds must not delay the result; the stack's reaper ends leftovers
    await within(stoppedWithinMs, cluster.stop(), 'everything to stop').catch((error: Error) => {
      log(error.message) // a secret in a log is also found here
      good = false
    })
    await endpoint.close()
    if (good) rmSync(folder, { recursive: true })
    else log(`\nThe history and all logs are in ${folder}`)
    log(last)
  }
  return good ? 0 : 1
}

type Setup = Pick<RestoresOptions, 'cluster' | 'contents' | 'history'> & { readonly endpoint: Endpoint }

async function play(options: ChaosOptions, { cluster, contents, endpoint, history }: Setup): Promise<Result> {
  const { seed, seconds, log, interrupted } = options
  const samplePool = new SamplePool()
  const over = new AbortController()
  const until = AbortSignal.any([over.signal, interrupted])
  const run = { seed, cluster, samplePool, history }
  const consumer = new Consumer(run)
  const participants = [
    ...Array.from({ length: clients }, (_, number) => new Client({ ...run, number, until })),
    new Client({ ...run, number: clients, until, expensive: true }),
    ...Array.from({ length: directClients }, (_, number) => new DirectClient({ ...run, number, until })),
    ...Array.from({ length: pipelines }, (_, number) => new Pipeline({ ...run, number, until })),
  ].map((participant) => participant.run())
  const reading = consumer.run(until)
  const settled = new AbortController()
  const untilSettled = AbortSignal.any([settled.signal, interrupted])
  const halfway = () => wait(seconds * 500, undefined, { signal: until })
  const backingUp = seconds < restoresFrom ? null : halfway().then(() => takeBackup(cluster, contents))
  const expiring = endGracePeriods(cluster, untilSettled)
  for (const work of [backingUp, expiring]) work?.catch(() => {}) // errors are thrown where the promise is awaited
  const injecting = injectFaults(scheduleOf(seed, seconds), cluster, history, until)
  await wait(seconds * 1000, undefined, { signal: interrupted }).finally(() => over.abort())
  const faults = await injecting
  await Promise.all([...participants, reading])
  await repairAll(cluster)
  endpoint.repair()
  const watch = new RepairWatch()
  const watching = watch.run(contents, untilSettled)
  watching.catch(() => {}) // as above
  try {
    await checkService(run)
    await retryParked(cluster)
    await execute(cluster, makeDeliveriesDue)
    const begun = performance.now()
    await settle(contents, history, interrupted)
    await ageSome(contents, { cluster, history })
    await settle(contents, history, interrupted)
    log(`Settled ${((performance.now() - begun) / 1000).toFixed(1)} s after the repairs`)
  } finally {
    settled.abort()
  }
  await Promise.all([expiring, watching])
  const received = await consumer.finish()
  const feed = await new Consumer(run).finish()
  const { badHashes } = samplePool
  const evidence = await gather(contents, { history, badHashes, filesPerHour, cluster, feed, received, delivered: endpoint.delivered })
  const violations = [...(await findViolations(evidence)), ...watch.violations.values()]
  for (const line of [...counts(evidence), ...violations.map(describe), ...histories(violations, run)]) log(line)
  const backup = await backingUp
  if (backup !== null) {
    log(`Restores: ${backup.copied.length} objects of ${backup.keys.size} in the backup`)
    const found = await restoreBoth({ ...run, contents, backup, before: evidence, cursor: consumer.cursor })
    for (const violation of found) log(describe(violation))
    violations.push(...found)
  }
  return { seed, acknowledged: evidence.acknowledged.size, faults, violations }
}

/** Waits until no work is left, there is no progress, or the time is over; then the checks report what is missing. */
async function settle(contents: ServerContents, history: History, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + settledWithinMs
  const fewest = new Map<string, number>()
  let progressBy = 0
  for (;;) {
    const left = [...Map.groupBy(await contents.unfinished(), ({ kind }) => kind)]
    // counted separately: a video that leaves the inbox becomes an upload that is not final
    const progress = left.filter(([kind, { length }]) => length < (fewest.get(kind) ?? Number.POSITIVE_INFINITY))
    for (const [kind, { length }] of progress) fewest.set(kind, length)
    if (progress.length > 0) progressBy = performance.now() + progressWithinMs
    if (left.length === 0 || performance.now() > Math.min(deadline, progressBy)) return
    history.add({ event: 'unfinished', what: left.map(([kind, { length }]) => `${length} ${kind}`).join(', ') })
    await wait(250, undefined, { signal })
  }
}
