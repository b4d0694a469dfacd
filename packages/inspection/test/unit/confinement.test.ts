import { type ChildProcess, fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bytesInMemory } from '@airlock/domain'
import { defaultLimits } from '@airlock/inspection/isolated'
import sharp from 'sharp'
import { test as base, expect } from 'vitest'
import { environment, execArgv, program } from '../../src/isolated/confinement.ts'
import { InspectorProcess } from '../../src/isolated/inspector-process.ts'
import { sample } from '../sources.ts'

const maxMemoryMiB = 512
const here = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url))

/** A folder with a secret, and servers on the loopback that count connections. */
const test = base.extend('outside', async ({ task: _ }, { onCleanup }) => {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-outside-'))
  writeFileSync(join(folder, 'secret'), 'a password')
  const visits: string[] = []
  const http = createServer((_request, response) => response.end()).on('connection', () => visits.push('tcp'))
  const udp = createSocket('udp4').on('message', () => visits.push('udp'))
  http.listen(0, '127.0.0.1')
  udp.bind(0, '127.0.0.1')
  await Promise.all([once(http, 'listening'), once(udp, 'listening')])
  onCleanup(() => {
    http.closeAllConnections()
    http.close()
    udp.close()
    rmSync(folder, { recursive: true })
  })
  const args = [folder, String((http.address() as AddressInfo).port), String(udp.address().port)]
  return { folder, visits, args }
})

/** The results of the attempts inside of a process of that program. */
async function outcomesIn(file: string, flags: readonly string[], args: readonly string[]): Promise<Record<string, string>> {
  const child = fork(file, args, {
    execArgv: [...flags, '--no-warnings', '--import', here('attempts.ts')],
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  try {
    const died = once(child, 'exit').then(([code, signal]) => Promise.reject(new Error(`it ended with ${signal ?? code}`)))
    const [outcomes] = await Promise.race([once(child, 'message'), died])
    died.catch(() => {})
    return outcomes
  } finally {
    child.kill('SIGKILL')
  }
}

test("an inspector process can't write files, read anything but programs, start processes or use the network", { timeout: 60_000 }, async ({
  outside,
}) => {
  const { folder, visits, args } = outside
  const inside = await outcomesIn(program, execArgv(maxMemoryMiB), args)

  expect(new Set(Object.values(inside)), JSON.stringify(inside)).toEqual(new Set(['refused']))
  expect(readdirSync(folder)).toEqual(['secret'])
  expect(visits).toEqual([])
})

test('an unrestricted process can do all of this', { timeout: 60_000 }, async ({ outside }) => {
  const { visits, args } = outside
  const outcomes = await outcomesIn(here('unguarded-program.ts'), [], args)

  expect(new Set(Object.values(outcomes)), JSON.stringify(outcomes)).toEqual(new Set(['done']))
  expect(new Set(visits)).toEqual(new Set(['tcp', 'udp']))
})

test('an inspector process runs the tested program with the tested arguments and an empty environment', { timeout: 30_000 }, async () => {
  const started: ChildProcess[] = []
  const note = (message: unknown) => started.push((message as { process: ChildProcess }).process)
  subscribe('child_process', note)
  const inspector = new InspectorProcess({ maxMemoryMiB })
  unsubscribe('child_process', note)
  await inspector.close()

  expect(started.map(({ spawnargs }) => spawnargs.slice(1))).toEqual([[...execArgv(maxMemoryMiB), program]])
  expect(Object.keys(environment)).toEqual(['MALLOC_ARENA_MAX', 'VIPS_DISC_THRESHOLD'])
})

test('libvips decodes a large picture without a temporary file', { timeout: 60_000 }, async ({ outside }) => {
  const large = await sharp({ create: { width: 6000, height: 6000, channels: 3, background: '#3366aa' } })
    .webp({ lossless: true, effort: 0 })
    .toBuffer()
  const child = fork(program, [], {
    execArgv: execArgv(1024),
    env: { ...environment, TMPDIR: join(outside.folder, 'not there') },
    serialization: 'advanced',
  })
  const upload = { filename: 'large.webp', mediaType: 'image/webp', assetType: 'brand_image' } as const
  const verdict = Promise.withResolvers<unknown>()
  child.on('message', (message: { kind: string; offset: number; length: number; inspection: unknown }) => {
    if (message.kind === 'read') {
      child.send({ kind: 'bytes', bytes: large.subarray(message.offset, message.offset + message.length) })
    } else if (message.kind === 'verdict' || message.kind === 'failed') verdict.resolve(message.inspection)
  })
  child.on('exit', (code) => verdict.resolve(`it ended with ${code}`))
  child.send({ kind: 'inspect', size: large.length, bytes: null, upload, limits: defaultLimits })
  try {
    expect(await verdict.promise).toMatchObject({ ok: true })
  } finally {
    child.kill('SIGKILL')
  }
})

test('an inspector process can read everything that it needs for each kind of file', { timeout: 60_000 }, async () => {
  const inspector = new InspectorProcess({ maxMemoryMiB })
  const task = {
    limits: defaultLimits,
    maxSeconds: 40,
    maxTotalSeconds: 40,
    maxCpuSeconds: 40,
    maxTotalCpuSeconds: 40,
    signal: new AbortController().signal,
  }
  const files = [
    ['good/IMG_4211.JPG', 'image/jpeg', 'brand_image'],
    ['good/Final cut v2.mp4', 'video/mp4', 'generated_video'],
    ['good/boats.zip', 'application/zip', 'lora_training'],
  ] as const
  try {
    for (const [file, mediaType, assetType] of files) {
      const upload = { filename: file.slice(5), mediaType, assetType }
      expect(await inspector.run({ ...task, source: bytesInMemory(sample(file)), upload })).toMatchObject({ ok: true })
    }
  } finally {
    await inspector.close()
  }
})
