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
  'a reset begins anew where stack.json holds %j: programs that were fetched stay, everything else goes',
  async (text) => {
    writeFileSync(join(folder, 'stack.json'), text)
    expect(() => readStackRecord(folder)).toThrow("'npm start -- --reset' begins anew")

    expect(keptIn(folder)).toEqual(['postgres', 'redis', 'seaweedfs', 'logs', 'stack.json'])
    await resetStack(folder)

    expect(readdirSync(folder)).toEqual(['tools'])
    expect(readStackRecord(folder)).toBeNull()
  },
)

test('where stack.json is damaged and a Postgres still runs on its data, a reset deletes nothing and says which', async () => {
  writeFileSync(join(folder, 'stack.json'), '{ half')
  writeFileSync(join(folder, 'postgres/postmaster.pid'), `${process.ppid}\n${folder}\n`)

  await expect(resetStack(folder)).rejects.toThrow(`process ${process.ppid}`)

  expect(existsSync(join(folder, 'redis'))).toBe(true)
})

test('a damaged stack.json beside files of somebody else proves nothing: a reset deletes nothing', async () => {
  writeFileSync(join(folder, 'stack.json'), 'something else')
  writeFileSync(join(folder, 'thesis.docx'), '')

  await expect(resetStack(folder)).rejects.toThrow("'thesis.docx'")

  expect(existsSync(join(folder, 'postgres'))).toBe(true)
})

test('a damaged stack.json of an earlier run of tests keeps no other run from starting', async () => {
  vi.stubEnv('TMPDIR', folder)
  const left = join(folder, 'airlock-test-stack-left')
  mkdirSync(left)
  writeFileSync(join(left, 'stack.json'), '{ half')

  await expect(removeDeadEphemeralStacks()).resolves.toBeUndefined()
})
