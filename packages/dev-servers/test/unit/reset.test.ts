import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { removeDeadEphemeralStacks } from '../../src/leftovers.ts'
import { keptIn, resetStack } from '../../src/stack.ts'
import { readStackRecord } from '../../src/stack-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'a damaged stack '))
  for (const name of ['postgres', 'redis', 'seaweedfs', 'logs', 'tools']) mkdirSync(join(folder, name), { recursive: true })
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

test.for(['', '{ half', 'null', '[]', '"stack"', '{"owner":null,"servers":17}'])(
  'a reset with stack.json %j deletes everything but fetched programs',
  async (text) => {
    writeFileSync(join(folder, 'stack.json'), text)
    expect(() => readStackRecord(folder)).toThrow("'npm start -- --reset' deletes it")

    expect(keptIn(folder)).toEqual(['postgres', 'redis', 'seaweedfs', 'logs', 'stack.json'])
    await resetStack(folder)

    expect(readdirSync(folder)).toEqual(['tools'])
    expect(readStackRecord(folder)).toBeNull()
  },
)

test('a reset with a damaged stack.json and a running Postgres deletes nothing, and names the process', async () => {
  writeFileSync(join(folder, 'stack.json'), '{ half')
  writeFileSync(join(folder, 'postgres/postmaster.pid'), `${process.ppid}\n${folder}\n`)

  await expect(resetStack(folder)).rejects.toThrow(`process ${process.ppid}`)

  expect(existsSync(join(folder, 'redis'))).toBe(true)
})

test('a reset with a damaged stack.json beside unknown files deletes nothing', async () => {
  writeFileSync(join(folder, 'stack.json'), 'something else')
  writeFileSync(join(folder, 'thesis.docx'), '')

  await expect(resetStack(folder)).rejects.toThrow("'thesis.docx'")

  expect(existsSync(join(folder, 'postgres'))).toBe(true)
})

test('a damaged stack.json of an earlier test run does not prevent another run', async () => {
  vi.stubEnv('TMPDIR', folder)
  const left = join(folder, 'airlock-test-stack-left')
  mkdirSync(left)
  writeFileSync(join(left, 'stack.json'), '{ half')

  await expect(removeDeadEphemeralStacks()).resolves.toBeUndefined()
})
