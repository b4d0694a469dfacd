import { type ByteSource, bytesInMemory, InspectionFailed, MiB } from '@airlock/domain'
import { inspect } from '@airlock/inspection/full'
import { defaultIsolation, defaultLimits, InspectorPool, plainLauncher } from '@airlock/inspection/isolated'
import sharp from 'sharp'
import { test as base, expect } from 'vitest'
import { original } from '../../corpus/corpus-file.ts'
import { InspectorProcess } from '../../src/isolated/inspector-process.ts'
import { sample } from '../sources.ts'

const never = new AbortController().signal
const photo = { filename: 'photo.jpg', mediaType: 'image/jpeg', assetType: 'brand_image' } as const
const task = {
  upload: photo,
  limits: defaultLimits,
  maxSeconds: 20,
  maxTotalSeconds: 30,
  maxCpuSeconds: 20,
  maxTotalCpuSeconds: 20,
  signal: never,
}
const bytes = sample('good/IMG_4211.JPG')
/** Not sent with the task, but read by messages. */
const large = Buffer.concat([bytes, Buffer.alloc(2 * MiB)])

/** A source that does something whenever it is read. */
const doing = (work: () => unknown, contents: Uint8Array = bytes): ByteSource => ({
  ...bytesInMemory(contents),
  read: async (offset, length) => {
    await work()
    return contents.subarray(offset, offset + length)
  },
})

const test = base
  .extend('inspector', async ({ task: _ }, { onCleanup }) => {
    const inspector = new InspectorProcess({ maxMemoryMiB: 512 })
    onCleanup(() => inspector.close())
    return inspector
  })
  .extend('pool', async ({ task: _ }, { onCleanup }) => {
    const pool = new InspectorPool(1)
    onCleanup(() => pool.close())
    return pool
  })

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

test('a separate process returns the same verdict as inspection in this process, for each kind of file', { timeout: 30_000 }, async ({
  pool,
}) => {
  const files = [
    [photo, bytes],
    [photo, original('im-rgb.png')],
    [{ filename: 'scene.mp4', mediaType: 'video/mp4', assetType: 'generated_video' }, sample('good/Final cut v2.mp4')],
    [{ filename: 'set.zip', mediaType: 'application/zip', assetType: 'lora_training' }, original('zip-deflated.zip')],
    [{ filename: 'set.zip', mediaType: 'application/zip', assetType: 'lora_training' }, original('zip-encrypted.zip')],
  ] as const
  for (const [upload, contents] of files) {
    expect(await pool.inspect(bytesInMemory(contents), upload, never)).toEqual(await inspect(bytesInMemory(contents), upload))
  }
})

test('a file larger than a message is transferred in pieces', { timeout: 30_000 }, async ({ pool }) => {
  const padded = Buffer.concat([bytes, Buffer.alloc(9_500_000)])
  const lengths: number[] = []
  const source = {
    ...bytesInMemory(padded),
    read: async (offset: number, length: number) => padded.subarray(offset, offset + Number(lengths[lengths.push(length) - 1])),
  }

  expect(await pool.inspect(source, photo, never)).toMatchObject({ ok: true })
  expect(Math.max(...lengths)).toBeLessThanOrEqual(4 * 1024 * 1024)
})

test('an inspection that is aborted just as its turn comes passes the turn on', { timeout: 30_000 }, async ({ pool }) => {
  const stop = new AbortController()
  const begun = Promise.withResolvers<void>()
  const first = pool.inspect(doing(begun.resolve), photo, never).finally(() => stop.abort(new Error('no longer needed')))
  await begun.promise
  const second = pool.inspect(bytesInMemory(bytes), photo, stop.signal)
  const third = pool.inspect(bytesInMemory(bytes), photo, never)

  await expect(second).rejects.toThrow('no longer needed')
  expect(await first).toMatchObject({ ok: true })
  expect(await third).toMatchObject({ ok: true })
})

const sizes = [
  { size: 'small', contents: bytes },
  { size: 'large', contents: large },
]

test.for(sizes)(
  'an error of the source is rethrown unchanged, and the process can be reused: a $size file',
  {
    timeout: 30_000,
  },
  async ({ contents }, { inspector }) => {
    const outOfReach = new Error('the store is out of reach')
    const failing = doing(() => Promise.reject(outOfReach), contents)

    await expect(inspector.run({ ...task, source: failing })).rejects.toBe(outOfReach)
    expect(await inspector.run({ ...task, source: bytesInMemory(bytes) })).toMatchObject({ ok: true })
  },
)

test('an error of the source is reported even if the process then dies for another reason', {
  meta: { id: 'store-failure-is-the-reason' },
  timeout: 30_000,
}, async ({ inspector }) => {
  const unavailable = new Error('the store is unavailable')
  const failing = doing(() => {
    process.kill(inspector.pid ?? 0, 'SIGSTOP') // so that it dies after the source failed, without sending anything
    setTimeout(() => process.kill(inspector.pid ?? 0, 'SIGKILL'), 200)
    throw unavailable
  }, large)

  await expect(inspector.run({ ...task, source: failing })).rejects.toBe(unavailable)
})

test.for(['SIGSEGV', 'SIGKILL', 'SIGABRT'] as const)(
  'a process killed by %s returns no verdict',
  { timeout: 30_000 },
  async (signal, { inspector }) => {
    const source = doing(() => process.kill(inspector.pid ?? 0, signal))
    const dying = inspector.run({ ...task, source })

    await expect(dying).rejects.toThrow(InspectionFailed)
    await expect(dying).rejects.toThrow(`ended with ${signal}`)
    expect(inspector.alive).toBe(false)
  },
)

test("the reason of a process's exit is reported even if a message could not be sent to it before", { timeout: 30_000 }, async ({
  inspector,
}) => {
  const blocked = new Int32Array(new SharedArrayBuffer(4))
  const source = doing(() => {
    process.kill(inspector.pid ?? 0, 'SIGSEGV')
    Atomics.wait(blocked, 0, 0, 500) // it dies, and this process has not been notified yet
  })

  await expect(inspector.run({ ...task, source })).rejects.toThrow(new InspectionFailed('ended with SIGSEGV', { fault: { kind: 'crash' } }))
})

test('a process that hangs is killed at its time limit', { timeout: 30_000 }, async ({ inspector }) => {
  await inspector.run({ ...task, source: bytesInMemory(bytes) })
  const hanging = inspector.run({ ...task, source: doing(() => process.kill(inspector.pid ?? 0, 'SIGSTOP')), maxSeconds: 0.5 })

  await expect(hanging).rejects.toThrow(new InspectionFailed('took longer than 0.5 s'))
  await inspector.close()
  expect(isAlive(inspector.pid ?? 0)).toBe(false)
})

test.for(sizes)(
  'time spent waiting for the store does not count: a $size file',
  {
    meta: { id: 'store-time-does-not-count' },
    timeout: 30_000,
  },
  async ({ contents }, { inspector }) => {
    await inspector.run({ ...task, source: bytesInMemory(bytes) })
    const slow = doing(() => new Promise((resolve) => setTimeout(resolve, 1500)), contents)

    expect(await inspector.run({ ...task, source: slow, maxSeconds: 1.2, maxTotalSeconds: 1.2 })).toMatchObject({ ok: true })
  },
)

test('a picture that exceeds the memory limit gets no verdict, and the next one does', { timeout: 180_000 }, async ({ pool: _ }) => {
  const large = await sharp({ create: { width: 9000, height: 9000, channels: 3, background: '#3366aa' } })
    .webp({ lossless: true, effort: 0 })
    .toBuffer()
  const pool = new InspectorPool(1, { ...defaultIsolation, maxMemoryMiB: 250 })
  try {
    const upload = { ...photo, filename: 'large.webp', mediaType: 'image/webp' } as const

    await expect(pool.inspect(bytesInMemory(large), upload, never)).rejects.toThrow(
      new InspectionFailed('needed more than 250 MiB', { fault: { kind: 'memory', limitMiB: 250 } }),
    )
    expect(await pool.inspect(bytesInMemory(bytes), photo, never)).toMatchObject({ ok: true })
  } finally {
    await pool.close()
  }
})

test('a crash does not affect other files', { timeout: 30_000 }, async ({ inspector }) => {
  const other = new InspectorProcess({ maxMemoryMiB: 512 })
  try {
    const crash = inspector.run({ ...task, source: doing(() => process.kill(inspector.pid ?? 0, 'SIGSEGV')) })
    const sound = other.run({ ...task, source: bytesInMemory(bytes) })

    await Promise.all([expect(crash).rejects.toThrow(InspectionFailed), expect(sound).resolves.toMatchObject({ ok: true })])
  } finally {
    await other.close()
  }
})

test('a pool reports the memory of its processes, and why they were replaced', { timeout: 30_000 }, async ({ onTestFinished }) => {
  const reported: unknown[] = []
  let peakBytes = 0
  const pool = new InspectorPool(1, defaultIsolation, plainLauncher, {
    onRestart: (reason) => reported.push(reason),
    onPeak: (bytes) => {
      peakBytes = Math.max(peakBytes, bytes)
    },
  })
  onTestFinished(() => pool.close())
  await pool.inspect(bytesInMemory(bytes), photo, never)
  const controller = new AbortController()
  const aborting = doing(() => controller.abort(new Error('the lease is lost')))
  await expect(pool.inspect(aborting, photo, controller.signal)).rejects.toThrow('the lease is lost')
  await pool.inspect(bytesInMemory(bytes), photo, never)

  expect(reported).toEqual(['aborted'])
  expect(peakBytes).toBeGreaterThan(20 * 1024 * 1024)
})

test.for(sizes)('an aborted inspection does not wait for the store: a $size file', { timeout: 30_000 }, async ({ contents }, { pool }) => {
  const controller = new AbortController()
  const source = doing(() => {
    controller.abort(new Error('the lease is lost'))
    return new Promise(() => {})
  }, contents)

  await expect(pool.inspect(source, photo, controller.signal)).rejects.toThrow('the lease is lost')
})

test('an aborted inspection ends its process, and throws the reason', { timeout: 30_000 }, async ({ pool }) => {
  const leaseLost = new Error('the lease is lost')
  const controller = new AbortController()
  const source = doing(() => controller.abort(leaseLost))

  await expect(pool.inspect(source, photo, controller.signal)).rejects.toBe(leaseLost)
  expect(await pool.inspect(bytesInMemory(bytes), photo, never)).toMatchObject({ ok: true })
})

test('files wait for a free process, and an aborted one does not delay the others', { timeout: 30_000 }, async ({ pool }) => {
  const gate = Promise.withResolvers<void>()
  const first = pool.inspect(
    doing(() => gate.promise),
    photo,
    never,
  )
  const impatient = new AbortController()
  const second = pool.inspect(bytesInMemory(bytes), photo, impatient.signal)
  const third = pool.inspect(bytesInMemory(bytes), photo, never)
  impatient.abort(new Error('no more time'))

  await expect(second).rejects.toThrow('no more time')
  gate.resolve()
  expect(await Promise.all([first, third])).toMatchObject([{ ok: true }, { ok: true }])
})

test('closing the pool ends running inspections and refuses new ones', { timeout: 30_000 }, async ({ pool }) => {
  const reading = pool.inspect(
    doing(() => pool.close()),
    photo,
    never,
  )

  await expect(reading).rejects.toThrow(InspectionFailed)
  await expect(pool.inspect(bytesInMemory(bytes), photo, never)).rejects.toThrow('the inspector pool is closed')
})
