import type { Measurement } from './results.ts'

/** Where a value stands in the results. */
interface Place {
  readonly measurement: string
  readonly row: string
  readonly value: string
}

/** A value of Airlock, by itself or divided by that of a peer in the same run, and what it must be. */
interface Target {
  readonly title: string
  readonly of: Place
  readonly by?: Place
  readonly unit?: string
  /** What we want (issue 16). */
  readonly target: { readonly atMost: number } | { readonly atLeast: number }
  /**
   * The limit of `--check`, for what a busy machine changes little: CPU time and memory. It has a margin over what was measured when it was set, because
   * ratios differ from run to run; docs/performance.md has the values.
   */
  readonly guard?: number
}

const airlock = (measurement: string, value: string) => ({ measurement, row: 'Airlock', value })
const multer = (measurement: string, value: string) => ({ measurement, row: 'multer-s3', value })

/** Airlock's value divided by that of multer-s3. */
const ratio = (measurement: string, value: string) => ({ of: airlock(measurement, value), by: multer(measurement, value) })

const calls = (row: string) => ({ measurement: 'Store calls', row, value: 'calls' })
const small = 'Picture of 60 kB, whole path'
const large = 'JPEG of 12 megapixels, whole path'
const perUpload = (measurement: string, row: string) => ({ measurement, row, value: 'CPU ms per upload' })
const latency = (value: string) => ({ measurement: 'Latency while idle', row: 'accepted to completed', value })
const response = (row: string) => ({ measurement: 'Responses', row, value: 'CPU ms per response' })
const video = (value: string) => ({ measurement: 'Video of 500 MiB', row: 'Airlock', value })

const million = (value: string) => ({ measurement: 'Assets in the database', row: '1,000,000', value })

/** @param size of the files, which is smaller with `--quick` */
const largeFiles = (size: string): Target[] => [
  { title: `${size}: MiB/s ÷ multer-s3`, ...ratio(size, 'MiB/s'), target: { atLeast: 1.6 } },
  { title: `${size}: CPU per MiB ÷ multer-s3`, ...ratio(size, 'CPU ms per MiB'), target: { atMost: 0.55 }, guard: 1 },
  { title: `${size}: peak RSS`, of: airlock(size, 'peak RSS, MiB'), unit: 'MiB', target: { atMost: 220 }, guard: 320 },
]

const targets: readonly Target[] = [
  ...largeFiles('200 MiB'),
  ...largeFiles('50 MiB'),
  { title: '1 MiB: files/s ÷ multer-s3', ...ratio('1 MiB', 'files/s'), target: { atLeast: 1 } },
  { title: '1 MiB: CPU per file ÷ multer-s3', ...ratio('1 MiB', 'CPU ms per file'), target: { atMost: 0.9 }, guard: 1.5 },
  { title: '64 KiB: files/s ÷ multer-s3', ...ratio('64 KiB', 'files/s'), target: { atLeast: 0.8 } },
  { title: '64 KiB: CPU per file ÷ multer-s3', ...ratio('64 KiB', 'CPU ms per file'), target: { atMost: 1.2 }, guard: 2.3 },
  { title: 'Store calls of a small picture', of: calls('small picture'), target: { atMost: 4 }, guard: 4.5 },
  { title: 'Store calls of a small video', of: calls('small video'), target: { atMost: 7 }, guard: 7 },
  { title: '60 kB picture: worker CPU beyond sharp', of: perUpload(small, 'worker beyond sharp'), unit: 'ms', target: { atMost: 6 } },
  { title: '60 kB picture: worker CPU ÷ sharp', of: perUpload(small, 'worker ÷ sharp alone'), target: { atMost: 1.5 }, guard: 2.6 },
  { title: '60 kB picture: Postgres CPU', of: perUpload(small, 'Postgres'), unit: 'ms', target: { atMost: 4 } },
  {
    title: '60 kB picture: Postgres CPU ÷ sharp',
    of: perUpload(small, 'Postgres'),
    by: perUpload(small, 'sharp alone'),
    target: { atMost: 0.4 },
    guard: 0.8,
  },
  { title: '12-megapixel JPEG: worker CPU ÷ sharp', of: perUpload(large, 'worker ÷ sharp alone'), target: { atMost: 1.25 } },
  { title: 'Accepted → completed, idle: p50', of: latency('p50, ms'), unit: 'ms', target: { atMost: 40 } },
  { title: 'Accepted → completed, idle: p99', of: latency('p99, ms'), unit: 'ms', target: { atMost: 120 } },
  { title: 'Presigned URL, cached: CPU', of: response('presigned URL, cached'), unit: 'ms', target: { atMost: 0.45 } },
  { title: 'Job status: CPU', of: response('job status'), unit: 'ms', target: { atMost: 0.5 } },
  {
    title: 'Presigned URL: CPU ÷ plain Fastify',
    of: response('presigned URL, cached'),
    by: response('plain Fastify route'),
    target: { atMost: 4 },
    guard: 14,
  },
  {
    title: 'Job status: CPU ÷ plain Fastify',
    of: response('job status'),
    by: response('plain Fastify route'),
    target: { atMost: 4 },
    guard: 14,
  },
  { title: '500 MiB video: completed ÷ the copy', of: video('÷ the copy'), target: { atMost: 1.2 } },
  { title: '500 MiB video: CPU of the worker', of: video('CPU s, worker'), unit: 's', target: { atMost: 0.3 } },
  { title: 'List of a user with 1 M assets: p99', of: million('page p99, ms'), unit: 'ms', target: { atMost: 10 } },
  {
    title: '10,000 wait, 1 M ended: uploads/s ÷ empty',
    of: { measurement: 'Uploads waiting', row: '10,000 wait, 1,000,000 ended', value: '÷ empty' },
    target: { atLeast: 0.95 },
  },
]

/** A target with what was measured. */
export interface Outcome extends Target {
  readonly measured: number
  readonly met: boolean
  /** Null without a guard. */
  readonly kept: boolean | null
}

/** @returns those targets whose values were measured */
export function outcomes(measurements: readonly Measurement[]): Outcome[] {
  const valueAt = ({ measurement, row, value }: Place) =>
    measurements.find(({ title }) => title === measurement)?.rows.find(({ name }) => name === row)?.values[value]?.median
  return targets.flatMap((target) => {
    const of = valueAt(target.of)
    const by = target.by === undefined ? 1 : valueAt(target.by)
    if (of === undefined || by === undefined) return []
    const measured = of / by
    const within = (limit: number) => ('atMost' in target.target ? measured <= limit : measured >= limit)
    const wanted = 'atMost' in target.target ? target.target.atMost : target.target.atLeast
    return [{ ...target, measured, met: within(wanted), kept: target.guard === undefined ? null : within(target.guard) }]
  })
}
