import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesInMemory } from '@airlock/domain'
import { defaultIsolation, defaultLimits, findLauncher, InspectorPool, plainLauncher } from '@airlock/inspection/isolated'
import { waitFor } from '@airlock/testkit'
import { expect, test } from 'vitest'
import { InspectorProcess } from '../../src/isolated/inspector-process.ts'
import { hostile, preloaded } from '../hostile.ts'
import { sample } from '../sources.ts'

const launcher = findLauncher()
const patient = { timeout: 120_000 } as const
const never = new AbortController().signal
const photo = { filename: 'photo.jpg', mediaType: 'image/jpeg', assetType: 'brand_image' } as const
const bytes = sample('good/IMG_4211.JPG')

/** What JavaScript without Node's permissions, like any native code, can access from inside. */
async function seenFrom(command: readonly [string, ...string[]], port: number): Promise<Record<string, unknown>> {
  const script = `
    const fs = require('node:fs')
    const attempt = (work) => { try { return work() } catch (error) { return error.code } }
    const result = {
      environment: attempt(() => fs.readFileSync('/proc/${process.pid}/environ', 'latin1').length > 0),
      memory: attempt(() => fs.openSync('/proc/${process.pid}/mem', 'r') > 0),
      signal: attempt(() => process.kill(${process.pid}, 0)),
      capabilities: /CapEff:\\s*(\\w+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1],
    }
    const socket = require('node:net').connect(${port}, '127.0.0.1')
    const print = (network) => { console.log(JSON.stringify({ ...result, network })); process.exit() }
    socket.on('connect', () => print('connected')).on('error', (error) => print(error.code))`
  const [file, ...args] = command
  const child = spawn(file, [...args, '-e', script], { env: {}, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await once(child, 'close')
  return JSON.parse(output)
}

async function listening(): Promise<{ port: number; close: () => void }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

test('the available isolation is detected and described', patient, () => {
  expect(launcher.isolation).toMatch(/^(?:separate process|separate namespaces(?: and \/proc)?)$/)
})

test('a child process alone can read its parent’s environment, unless Node’s permissions forbid it', patient, async () => {
  const { port, close } = await listening()
  expect(await seenFrom(plainLauncher.command, port)).toMatchObject({ signal: true, network: 'connected' })
  close()
})

test.skipIf(!launcher.inNamespaces)(
  'in namespaces no code reads the worker’s environment or memory, signals it or has a network',
  patient,
  async () => {
    const { port, close } = await listening()
    expect(await seenFrom(launcher.command, port)).toEqual({
      environment: expect.stringMatching(/^(?:ENOENT|EACCES)$/),
      memory: expect.stringMatching(/^(?:ENOENT|EACCES)$/),
      signal: 'ESRCH',
      capabilities: '0000000000000000',
      network: expect.stringMatching(/^(?:ENETUNREACH|ECONNREFUSED|EADDRNOTAVAIL)$/),
    })
    close()
  },
)

test.skipIf(!launcher.inNamespaces)(
  'in namespaces a file gets the same verdict, and the use of resources is measured',
  patient,
  async () => {
    const pool = new InspectorPool(1, defaultIsolation, launcher)
    try {
      expect(await pool.inspect(bytesInMemory(bytes), photo, never)).toMatchObject({ ok: true, mediaType: 'image/jpeg' })
    } finally {
      await pool.close()
    }
    const [, ...arguments_] = hostile('fills-memory').command
    const wrapped = { ...launcher, command: [...launcher.command, ...arguments_] as const } as typeof launcher
    const inspector = new InspectorProcess({ maxMemoryMiB: 300, launcher: wrapped })
    const cost = { maxSeconds: 100, maxTotalSeconds: 100, maxCpuSeconds: 100, maxTotalCpuSeconds: 100 }
    const task = { source: bytesInMemory(bytes), upload: photo, limits: defaultLimits, ...cost, signal: never }

    await expect(inspector.run(task)).rejects.toMatchObject({ fault: { kind: 'memory', limitMiB: 300 } })

    const { pid } = inspector
    await inspector.close()
    await waitFor(() => isGone(pid), { what: 'the process in the namespace to end' })
  },
)

/** Whether there is no such process, or only a zombie. */
function isGone(pid: number | null): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

test.skipIf(!launcher.inNamespaces)(
  'inspectors die with a killed worker, even if they are busy',
  { ...patient, meta: { id: 'inspectors-die-with-worker' } },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'airlock-worker-'))
    const file = join(folder, 'worker.ts')
    const url = (path: string) => new URL(path, import.meta.url).href
    writeFileSync(
      file,
      `import { InspectorProcess } from '${url('../../src/isolated/inspector-process.ts')}'
     import { findLauncher } from '${url('../../src/isolated/namespaces.ts')}'
     const launcher = findLauncher()
     const inspector = new InspectorProcess({ maxMemoryMiB: 512, launcher: { ...launcher, command: [...launcher.command, '--import', '${preloaded('burns-time')}'] } })
     const cost = { maxSeconds: 100, maxTotalSeconds: 100, maxCpuSeconds: 100, maxTotalCpuSeconds: 100 }
     const source = { size: 1, read: async () => new Uint8Array(1) }
     inspector.run({ source, upload: {}, limits: {}, ...cost, signal: new AbortController().signal }).catch(() => {})
     setInterval(() => { if (inspector.pid !== null) process.send(inspector.pid) }, 50)`,
    )
    const worker = fork(file, [], { execArgv: process.execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    try {
      const [pid] = await once(worker, 'message')
      await waitFor(() => cpuTicks(pid) > 50, { what: 'the inspector to be busy', timeoutMs: 60_000 })
      worker.kill('SIGKILL')
      await waitFor(() => isGone(pid), { what: 'the inspector to die', timeoutMs: 20_000 })
    } finally {
      worker.kill('SIGKILL')
      rmSync(folder, { recursive: true })
    }
  },
)

const cpuTicks = (pid: number): number => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[13])
