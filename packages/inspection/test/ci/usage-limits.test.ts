import { bytesInMemory, type InspectionFailed, InspectorBusy } from '@airlock/domain'
import { defaultIsolation, defaultLimits, InspectorPool } from '@airlock/inspection/isolated'
import { expect, test } from 'vitest'
import { type InspectionTask, InspectorProcess } from '../../src/isolated/inspector-process.ts'
import type { Launcher } from '../../src/isolated/namespaces.ts'
import { linuxUsageOf, usageInPs, usageOf } from '../../src/isolated/process-usage.ts'
import { hostile } from '../hostile.ts'
import { sample } from '../sources.ts'

const never = new AbortController().signal
const photo = { filename: 'photo.jpg', mediaType: 'image/jpeg', assetType: 'brand_image' } as const
const bytes = sample('good/IMG_4211.JPG')
const task: InspectionTask = {
  source: bytesInMemory(bytes),
  upload: photo,
  limits: defaultLimits,
  maxSeconds: 100,
  maxTotalSeconds: 100,
  maxCpuSeconds: 50,
  maxTotalCpuSeconds: 50,
  signal: never,
}
const patient = { timeout: 120_000 } as const

/** The error of an inspection with this launcher. */
async function failure(launcher: Launcher, given: Partial<InspectionTask> = {}, maxMemoryMiB = 1024): Promise<InspectionFailed> {
  const inspector = new InspectorProcess({ maxMemoryMiB, launcher })
  try {
    return (await inspector.run({ ...task, ...given }).then(
      () => expect.fail('it came to a verdict'),
      (error: unknown) => error,
    )) as InspectionFailed
  } finally {
    await inspector.close()
  }
}

test('the memory limit applies to code that blocks the event loop', {
  ...patient,
  meta: { id: 'memory-limit-of-synchronous-code' },
}, async () => {
  expect(await failure(hostile('fills-memory'), {}, 300)).toMatchObject({
    name: 'InspectionFailed',
    message: 'needed more than 300 MiB',
    fault: { kind: 'memory', limitMiB: 300 },
  })
})

test('the limit of CPU time applies to code that blocks the event loop, and is the file’s fault', {
  ...patient,
  meta: { id: 'cpu-limit-of-synchronous-code' },
}, async () => {
  expect(await failure(hostile('burns-time'), { maxCpuSeconds: 1.5 })).toMatchObject({
    message: 'needed more than 1.5 s of CPU time',
    fault: { kind: 'cpu_time', limitSeconds: 1.5 },
  })
})

test('the limit of total CPU time applies in spite of progress', patient, async () => {
  expect(await failure(hostile('burns-time'), { maxTotalCpuSeconds: 1.5 })).toMatchObject({
    fault: { kind: 'cpu_time', limitSeconds: 1.5 },
  })
})

test('exceeding a wall-clock limit is the machine’s fault', patient, async () => {
  expect(await failure(hostile('burns-time'), { maxSeconds: 1.5 })).toMatchObject({
    message: 'took longer than 1.5 s',
    fault: { kind: 'machine' },
  })
})

test('the CPU time of a file does not count for the next one in the same process', patient, async () => {
  const inspector = new InspectorProcess({ maxMemoryMiB: 1024, launcher: hostile('burns-a-little') })
  try {
    await inspector.run(task)
    const started = (await usageOf(inspector.pid ?? 0))?.cpuSeconds ?? 0
    for (let files = 0; files < 3; files++) expect(await inspector.run({ ...task, maxCpuSeconds: 1.1 })).toMatchObject({ ok: true })
    expect(((await usageOf(inspector.pid ?? 0))?.cpuSeconds ?? 0) - started).toBeGreaterThan(1.1)
  } finally {
    await inspector.close()
  }
})

test('an unhandled error during an inspection is a crash', patient, async () => {
  expect(await failure(hostile('exits'))).toMatchObject({ message: 'ended with code 7', fault: { kind: 'crash' } })
})

test('a program that can’t be loaded is the machine’s fault', patient, async () => {
  expect(await failure(hostile('does-not-load'))).toMatchObject({ fault: { kind: 'machine' } })
})

test.for([
  { signal: 'SIGSEGV', kind: 'crash' },
  { signal: 'SIGABRT', kind: 'crash' },
  { signal: 'SIGKILL', kind: 'machine' },
  { signal: 'SIGTERM', kind: 'machine' },
] as const)('$signal from outside is attributed to: $kind', patient, async ({ signal, kind }, { expect }) => {
  const inspector = new InspectorProcess({ maxMemoryMiB: 1024 })
  const source = {
    ...bytesInMemory(bytes),
    read: async () => {
      process.kill(inspector.pid ?? 0, signal)
      return new Promise<Uint8Array>(() => {})
    },
  }
  await expect(inspector.run({ ...task, source })).rejects.toMatchObject({ fault: { kind } })
  await inspector.close()
})

test('a verdict with another type than claimed is refused, and its process is not reused', patient, async () => {
  const inspector = new InspectorProcess({ maxMemoryMiB: 1024, launcher: hostile('lies') })
  await expect(inspector.run(task)).rejects.toMatchObject({ message: 'sent an invalid verdict', fault: { kind: 'machine' } })
  expect(inspector.alive).toBe(false)
  await inspector.close()
})

test('the last attempt runs alone: a second one must wait, and a failure has alone set', patient, async () => {
  const pool = new InspectorPool(
    1,
    { ...defaultIsolation, maxCpuSeconds: { ...defaultIsolation.maxCpuSeconds, picture: 1 } },
    hostile('burns-time'),
  )
  try {
    const first = pool.inspectAlone(bytesInMemory(bytes), photo, never)
    await expect(pool.inspectAlone(bytesInMemory(bytes), photo, never)).rejects.toBeInstanceOf(InspectorBusy)
    await expect(first).rejects.toMatchObject({ alone: true, fault: { kind: 'cpu_time' } })
    await expect(pool.inspect(bytesInMemory(bytes), photo, never)).rejects.toMatchObject({ alone: false })
  } finally {
    await pool.close()
  }
})

test('the use of resources is parsed from ps and /proc', async () => {
  expect(usageInPs('  20480    0:01.50\n')).toEqual({ memoryBytes: 20480 * 1024, cpuSeconds: 1.5 })
  expect(usageInPs('1024 1-02:03:04')).toEqual({ memoryBytes: 1024 ** 2, cpuSeconds: 26 * 3600 + 184 })
  const { user, system } = process.cpuUsage()
  const own = await usageOf(process.pid)
  expect(own?.cpuSeconds).toBeGreaterThan((user + system) / 1e6 / 2)
  expect(own?.memoryBytes).toBeGreaterThan(process.memoryUsage.rss() / 2)
  if (process.platform === 'linux') expect(linuxUsageOf(0x7fff_fffe)).toBeNull()
})
