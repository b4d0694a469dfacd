import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '@airlock/dev-servers'
import { type Airlock, startAirlockWhole } from './airlock.ts'
import { startBenchStack } from './bench-stack.ts'
import { smallPicture } from './files.ts'
import { heapAfterGc } from './heap-after-gc.ts'
import { percentile } from './statistics.ts'

/**
 * `npm run test:long -- soak [--minutes 30]`: pictures at 80 % of what the machine can process. After a warm-up of a third of the time, the heap after a
 * collection, resident memory and sockets of gateway and worker must not grow. The exit code is 1 if one does.
 */

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } })
const minutes = Number(values.minutes)
if (!(minutes >= 3)) throw new Error(`--minutes is '${values.minutes}': a number from 3 on`)

const load = 0.8
const batchSeconds = 10

/** How much the median of the last third may exceed that of the second one: a part of it, and a constant for what is allocated in large steps. */
const allowed = { 'heap, MiB': { part: 0.05, plus: 2 }, 'RSS, MiB': { part: 0.05, plus: 10 }, sockets: { part: 0, plus: 4 } } as const

type Sample = Readonly<Record<keyof typeof allowed, number>>

const say = (text: string) => process.stdout.write(`${text}\n`)
const inspectors = { gateway: await freePort(), worker: await freePort() }
const stack = await startBenchStack(say)
const samples: Record<keyof typeof inspectors, Sample[]> = { gateway: [], worker: [] }
try {
  const airlock = await startAirlockWhole(stack, { inspectors })
  try {
    await run(airlock)
  } finally {
    await airlock.stop()
  }
} finally {
  await stack.close()
}
const grown = Object.entries(samples).flatMap(([name, all]) => growth(name, all))
for (const line of grown) say(line)
say(grown.length === 0 ? 'Nothing has grown after the warm-up.' : `${grown.length} values have grown.`)
process.exit(grown.length === 0 ? 0 : 1)

async function run(airlock: Airlock): Promise<void> {
  await airlock.process(smallPicture(), 100, 4)
  const { perSecond } = await airlock.process(smallPicture(), 300, 4)
  const files = Math.ceil(perSecond * load * batchSeconds)
  say(`${perSecond.toFixed(1)} pictures/s are possible; ${files} every ${batchSeconds} s for ${minutes} minutes`)
  const end = Date.now() + minutes * 60_000
  for (let nextSample = Date.now(); Date.now() < end; ) {
    const begun = Date.now()
    await airlock.process(smallPicture(), files, 4)
    if (begun >= nextSample) {
      nextSample += 60_000
      await sample(airlock)
    }
    await wait(Math.max(0, begun + batchSeconds * 1000 - Date.now()))
  }
}

async function sample({ pids }: Airlock): Promise<void> {
  for (const name of ['gateway', 'worker'] as const) {
    const heap = await heapAfterGc(inspectors[name])
    const taken = { 'heap, MiB': heap / 1024 ** 2, 'RSS, MiB': rssMiBOf(pids[name]), sockets: socketsOf(pids[name]) }
    samples[name].push(taken)
    say(
      `${name.padEnd(8)} ${Object.entries(taken)
        .map(([what, value]) => `${what} ${value.toFixed(1)}`)
        .join('   ')}`,
    )
  }
}

/** What has grown from the second third of the samples to the last one. */
function growth(name: string, all: readonly Sample[]): string[] {
  const third = Math.floor(all.length / 3)
  return Object.entries(allowed).flatMap(([what, { part, plus }]) => {
    const median = (from: number, to?: number) =>
      percentile(
        all.slice(from, to).map((taken) => taken[what as keyof Sample]),
        0.5,
      )
    const [before, after] = [median(third, 2 * third), median(2 * third)]
    return after > before * (1 + part) + plus ? [`${name}: ${what} has grown from ${before.toFixed(1)} to ${after.toFixed(1)}`] : []
  })
}

function rssMiBOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** Open sockets of a process. A descriptor may be closed while they are counted. */
function socketsOf(pid: number): number {
  const isSocket = (fd: string) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:')
    } catch {
      return false
    }
  }
  return readdirSync(`/proc/${pid}/fd`).filter(isSocket).length
}
