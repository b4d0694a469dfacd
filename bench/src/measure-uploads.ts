import type { BenchStack, StoreName } from './bench-stack.ts'
import { type ContestantName, contestantNames, type RunningContestant, startContestant } from './contestants.ts'
import { type BenchFile, headOnly, sizes } from './files.ts'
import { cpuMsOf, peakMiBOf, resetPeakMemory } from './process-usage.ts'
import { type Measurement, measurementOf, type Round, type Values } from './results.ts'
import { percentile } from './statistics.ts'

/** Uploads of many files to one process of each contestant, eight at once, into one store. */
export interface UploadMeasurement {
  readonly title: string
  readonly store: StoreName
  readonly file: BenchFile
  readonly files: number
  /** Of the MiB or of the files. */
  readonly per: 'MiB' | 'file'
  readonly clients: number
  readonly contestants?: readonly ContestantName[]
}

const { KiB, MiB } = sizes

/** @param quick fewer files, and only the peer of the guarded ratios */
export function uploadMeasurements(quick: boolean): UploadMeasurement[] {
  const clients = 8
  const contestants = quick ? (['multer-s3', 'Airlock'] as const) : contestantNames
  const into = (store: StoreName) => ({ store, clients, contestants })
  const large = { title: '200 MiB', file: headOnly.video(200 * MiB), per: 'MiB' } as const
  const middle = { title: '1 MiB', file: headOnly.picture(MiB), per: 'file' } as const
  const small = { title: '64 KiB', file: headOnly.picture(64 * KiB), per: 'file' } as const
  if (quick) {
    return [
      // large enough for the memory of eight at once
      { ...large, ...into('null'), title: '50 MiB', file: headOnly.video(50 * MiB), files: 8 },
      { ...middle, ...into('null'), files: 80 },
      { ...small, ...into('null'), files: 200 },
    ]
  }
  return [
    { ...large, ...into('null'), files: 8 },
    { ...middle, ...into('null'), files: 300 },
    { ...small, ...into('null'), files: 1000 },
    { ...middle, title: '1 MiB, local store', ...into('local'), files: 100 },
    { ...small, title: '64 KiB, local store', ...into('local'), files: 300 },
    ...[1, 10, 100].map((count) => ({
      ...small,
      ...into('null'),
      title: `64 KiB, ${count === 1 ? '1 client' : `${count} clients`}`,
      clients: count,
      files: count === 1 ? 300 : 1000,
      contestants: ['multer-s3', 'Airlock'] as const,
    })),
  ]
}

/** Measures each contestant in every round, so that what else the machine does meets all of them. @param rounds after one that warms up */
export async function measureUploads(measurement: UploadMeasurement, rounds: number, stack: BenchStack): Promise<Measurement> {
  const { title, store, contestants = contestantNames } = measurement
  const running: RunningContestant[] = []
  for (const name of contestants) running.push(await startContestant(name, stack, store))
  try {
    for (const contestant of running) await oneRound(contestant, { ...measurement, files: Math.ceil(measurement.files / 4) }, stack)
    const measured: Round[] = []
    for (let round = 0; round < rounds; round++) {
      const values: Record<string, Values> = {}
      for (const contestant of running) values[contestant.name] = await oneRound(contestant, measurement, stack)
      measured.push(values)
    }
    return measurementOf(title, measured)
  } finally {
    await Promise.all(running.map((contestant) => contestant.stop()))
  }
}

async function oneRound(
  contestant: RunningContestant,
  { file, files, per, clients }: UploadMeasurement,
  stack: BenchStack,
): Promise<Values> {
  const { pid } = contestant
  resetPeakMemory(pid)
  const before = cpuMsOf(pid)
  const load = { ...contestant.upload(file, Math.min(clients, files)), requests: files, timeoutMs: 120_000 }
  const { seconds, latenciesMs } = await stack.send(load)
  const units = per === 'MiB' ? (files * file.sizeBytes) / MiB : files
  return {
    [`${per === 'MiB' ? 'MiB' : 'files'}/s`]: units / seconds,
    [`CPU ms per ${per}`]: (cpuMsOf(pid) - before) / units,
    'peak RSS, MiB': peakMiBOf(pid),
    'p50, ms': percentile(latenciesMs, 0.5),
    'p99, ms': percentile(latenciesMs, 0.99),
  }
}
