import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { s3Client } from '@airlock/dev-servers'
import { FaultyLink } from '@airlock/testkit/faulty-link'
import { CopyObjectCommand } from '@aws-sdk/client-s3'
import { root } from '../../tests/npm-start.ts'
import { type Airlock, startAirlockWhole } from './airlock.ts'
import { type BenchStack, bucket } from './bench-stack.ts'
import { type BenchFile, largeVideo, picture, sizes, smallPicture, smallVideo } from './files.ts'
import { peakMiBOf } from './process-usage.ts'
import { type Measurement, measurementOf, type Round, type Values } from './results.ts'

/** Uploads on the whole path: gateway, worker, Postgres, Redis and the local store. */

/** Pictures of one kind, four at once: how many a second, and what each process spends on one; and what decoding alone would cost. */
export async function measurePictures(
  title: string,
  file: BenchFile,
  files: number,
  rounds: number,
  stack: BenchStack,
): Promise<Measurement> {
  const airlock = await startAirlockWhole(stack)
  try {
    await airlock.process(file, Math.ceil(files / 4), 4)
    const measured: Round[] = []
    for (let round = 0; round < rounds; round++) {
      const { perSecond, cpuMs } = await airlock.process(file, files, 4)
      const peakMiB = { gateway: peakMiBOf(airlock.pids.gateway), worker: peakMiBOf(airlock.pids.worker) }
      const alone = await cpuMsOfDecoding(file, Math.ceil(files / 4))
      const row = (cpu: number, more: Values = {}): Values => ({ 'CPU ms per upload': cpu, ...more })
      measured.push({
        'whole path': row(sum(Object.values(cpuMs)), { 'uploads/s': perSecond }),
        gateway: row(cpuMs.gateway, { 'peak RSS, MiB': peakMiB.gateway }),
        worker: row(cpuMs.worker, { 'peak RSS, MiB': peakMiB.worker }),
        Postgres: row(cpuMs.postgres),
        Redis: row(cpuMs.redis),
        store: row(cpuMs.s3),
        'sharp alone': row(alone),
        'worker beyond sharp': row(cpuMs.worker - alone),
        'worker ÷ sharp alone': row(cpuMs.worker / alone),
      })
    }
    return measurementOf(title, measured)
  } finally {
    await airlock.stop()
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** CPU time of one decoding by sharp in a process of its own, in ms. */
async function cpuMsOfDecoding({ name, head }: BenchFile, times: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-bench-'))
  try {
    const path = join(folder, name)
    writeFileSync(path, head)
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'bench/src/peers/decode.ts'), path, `${times}`])
    return Number(stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** From acceptance to completion of single pictures of 180 kB, with pauses between them. */
export async function measureLatency(title: string, files: number, rounds: number, stack: BenchStack): Promise<Measurement> {
  const file = await picture(1440, 960, 2.2)
  const airlock = await startAirlockWhole(stack)
  try {
    const oneByOne = async () => {
      for (let index = 0; index < files; index++) {
        await airlock.process(file, 1, 1)
        await wait(50)
      }
    }
    await oneByOne()
    const measured: Round[] = []
    for (let round = 0; round < rounds; round++) {
      await oneByOne()
      const { p50, p99 } = await airlock.latencies(files)
      measured.push({ 'accepted to completed': { 'p50, ms': p50, 'p99, ms': p99 } })
    }
    return measurementOf(title, measured)
  } finally {
    await airlock.stop()
  }
}

/** A video of 500 MiB: from acceptance to completion, beside the time that the store takes for one copy of it. */
export async function measureLargeVideo(title: string, rounds: number, stack: BenchStack): Promise<Measurement> {
  const file = largeVideo(500 * sizes.MiB)
  const airlock = await startAirlockWhole(stack)
  const store = s3Client(stack.store('local'))
  try {
    await airlock.process(smallVideo(), 10, 1) // an inspector, which the rounds keep, and connections
    const measured: Round[] = []
    for (let round = 0; round < rounds; round++) {
      const { cpuMs } = await airlock.process(file, 1, 1)
      const { longest } = await airlock.latencies(1)
      const copyMs = await msOfCopy(airlock, store)
      measured.push({
        Airlock: { seconds: longest / 1000, '÷ the copy': longest / copyMs, 'CPU s, worker': cpuMs.worker / 1000 },
        "the store's copy": { seconds: copyMs / 1000 },
      })
    }
    return measurementOf(title, measured)
  } finally {
    store.destroy()
    await airlock.stop()
  }
}

/** Copies the newest asset within the bucket. @returns how long the store took, in ms */
async function msOfCopy({ sql }: Airlock, store: ReturnType<typeof s3Client>): Promise<number> {
  const { rows } = await sql.query<{ s3_key: string }>('select s3_key from assets order by created_at desc limit 1')
  const source = `${bucket}/${encodeURIComponent(rows[0]?.s3_key ?? '')}`
  const begun = performance.now()
  await store.send(new CopyObjectCommand({ Bucket: bucket, Key: 'bench/copy', CopySource: source }), { requestTimeout: 120_000 })
  return performance.now() - begun
}

/** How many requests gateway and worker send to the store for one file. */
export async function measureStoreCalls(title: string, stack: BenchStack): Promise<Measurement> {
  const link = new FaultyLink(stack.store('local').endpoint)
  await link.open()
  const airlock = await startAirlockWhole(stack, { settings: { S3_ENDPOINT: link.url } })
  try {
    const callsFor = async (file: BenchFile) => {
      await airlock.process(file, 1, 1) // the first one may check what the store does
      const from = link.requests.length
      const files = 10
      await airlock.process(file, files, 1)
      await wait(500) // the quarantine is emptied after the upload is completed
      return { calls: (link.requests.length - from) / files }
    }
    return measurementOf(title, [{ 'small picture': await callsFor(smallPicture()), 'small video': await callsFor(smallVideo()) }])
  } finally {
    await airlock.stop()
    await link.close()
  }
}
