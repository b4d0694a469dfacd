import { waitFor } from '@airlock/dev-servers'
import { tokenFor } from '@airlock/testkit/http'
import { type Airlock, startAirlockWhole } from './airlock.ts'
import { type BenchStack, graceMs } from './bench-stack.ts'
import { smallPicture } from './files.ts'
import { type Measurement, measurementOf, type Round } from './results.ts'
import { seededEveryMs, seededFrom, seededUser, seedFinished } from './seed.ts'
import { percentile } from './statistics.ts'

/** What a growing database and a growing queue do to uploads and lists. */

const million = 1_000_000

/** Uploads of pictures and pages of a list, with more and more assets of one user. @param files uploads in a round */
export async function measureAssets(title: string, files: number, rounds: number, stack: BenchStack): Promise<Measurement> {
  const airlock = await startAirlockWhole(stack)
  try {
    await airlock.process(smallPicture(), files, 4)
    const measured: Record<string, Round[string]>[] = Array.from({ length: rounds }, () => ({}))
    let seeded = 0
    for (const assets of [1000, 100_000, million]) {
      await seedFinished(airlock.sql, seeded, assets)
      seeded = assets
      for (const round of measured) {
        const { perSecond, cpuMs } = await airlock.process(smallPicture(), files, 4)
        const pages = await pagesAnywhere(airlock, assets, stack)
        round[assets.toLocaleString('en')] = {
          'uploads/s': perSecond,
          'CPU ms, Postgres': cpuMs.postgres,
          'page p50, ms': percentile(pages, 0.5),
          'page p99, ms': percentile(pages, 0.99),
        }
      }
    }
    return measurementOf(title, measured)
  } finally {
    await airlock.stop()
  }
}

/** Pages of 100 assets that begin at random ones, one request at a time. @returns the times of the responses, in ms */
async function pagesAnywhere({ url }: Airlock, assets: number, stack: BenchStack): Promise<readonly number[]> {
  const before = () => new Date(seededFrom.getTime() + Math.random() * assets * seededEveryMs).toISOString()
  const { latenciesMs } = await stack.send({
    url: `${url}/api/assets?limit=100&created_before=`,
    suffixes: Array.from({ length: 500 }, before),
    method: 'GET',
    headers: {},
    tokens: [tokenFor(seededUser, stack.jwtSecret)],
    requests: 500,
    timeoutMs: 30_000,
  })
  return latenciesMs
}

/** How fast a worker processes pictures when 10,000 wait and a million uploads have finished, beside a system that has only those of the round. */
export async function measureWaiting(title: string, files: number, rounds: number, stack: BenchStack): Promise<Measurement> {
  const [empty, full] = [await startAirlockWhole(stack, { worker: false }), await startAirlockWhole(stack, { worker: false })]
  try {
    await seedFinished(full.sql, 0, million)
    await full.send(smallPicture(), 10_000, 8)
    const measured: Round[] = []
    for (let round = 0; round < rounds; round++) {
      const [alone, among] = [await throughput(empty, files), await throughput(full, files)]
      measured.push({
        'empty system': { 'uploads/s': alone },
        '10,000 wait, 1,000,000 ended': { 'uploads/s': among, '÷ empty': among / alone },
      })
    }
    return measurementOf(title, measured)
  } finally {
    await Promise.all([empty.stop(), full.stop()])
  }
}

/** Adds uploads to the queue, then starts a worker. @returns how many it completes in a second, after the first quarter, in which it starts */
async function throughput(airlock: Airlock, files: number): Promise<number> {
  await airlock.send(smallPicture(), files + 50, 8) // more than are awaited, so that the worker has enough to the end
  const done = await airlock.completed()
  const worker = await airlock.startWorker()
  const reached = (count: number) =>
    waitFor(async () => (await airlock.completed()) >= done + count, {
      what: `${count} uploads to be completed`,
      timeoutMs: 180_000,
      everyMs: 50,
    })
  try {
    await reached(files / 4)
    const [from, begun] = [await airlock.completed(), performance.now()]
    await reached(files)
    return ((await airlock.completed()) - from) / ((performance.now() - begun) / 1000)
  } finally {
    await worker.stop(graceMs)
  }
}
