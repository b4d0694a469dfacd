import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StackContext } from '../../src/server.ts'
import { emulatedS3 } from '../../src/servers/fauxqs.ts'
import { s3Answers } from '../../src/servers/s3.ts'
import { StackFile } from '../../src/stack-file.ts'

let folder: string
let said: string[]
const context = (env: NodeJS.ProcessEnv): StackContext => ({
  file: new StackFile(folder),
  ephemeral: true,
  env,
  toolsFolder: folder,
  say: (line) => said.push(line),
  engine: async () => 'no container engine',
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'an emulator '))
  said = []
})
afterEach(() => rmSync(folder, { recursive: true }))

test('the emulator serves on this machine alone, and never without saying what it can not do', async () => {
  const server = await emulatedS3(context({}))
  if (typeof server === 'string') throw new Error(server)
  await s3Answers(server.address)

  expect(said.join('\n')).toMatch(/WARNING.*emulator.*encryption headers, conditional copies, and all signatures/)
  const port = Number(new URL(server.address.endpoint).port)
  for (const address of outsideAddresses()) expect(await accepts(address, port)).toBe(false)

  await server.controls?.end()
  await expect(s3Answers(server.address)).rejects.toThrow()
})

test('where a real store is required, the emulator is no road', async () => {
  expect(await emulatedS3(context({ AIRLOCK_REQUIRE_S3: 'seaweedfs' }))).toBe(
    'the emulator fauxqs is ruled out by AIRLOCK_REQUIRE_S3=seaweedfs',
  )
  expect(said).toEqual([])
})

/** The addresses under which others reach this machine. */
const outsideAddresses = () =>
  Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address)

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 2_000 }, () => resolve(socket.destroy() !== null))
    socket.on('error', () => resolve(false))
    socket.on('timeout', () => resolve(socket.destroy() === null))
  })
}
