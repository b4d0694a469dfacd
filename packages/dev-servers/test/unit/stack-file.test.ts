import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assertNotInUse, StackInUse } from '../../src/leftovers.ts'
import { identityOf } from '../../src/process-identity.ts'
import { readStackRecord, StackFile } from '../../src/stack-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'a stack '))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a secret is kept between runs, and only its owner can read it', () => {
  const secret = new StackFile(folder).secret('password')
  expect(new StackFile(folder).secret('password')).toBe(secret)
  expect(Buffer.from(secret, 'base64url')).toHaveLength(48)
  expect(statSync(join(folder, 'stack.json')).mode & 0o077).toBe(0)
})

test('after the end no server is recorded as running, and the data folders are', () => {
  const file = new StackFile(folder)
  file.own(identityOf(process.ppid))
  file.server('redis', { kind: 'redis-server', url: 'redis://127.0.0.1:1', pid: 1, startedAt: 'once' }, { folders: ['/elsewhere'] })
  file.process('gateway', { pid: 2, startedAt: 'once' })
  file.release()
  expect(readStackRecord(folder)).toMatchObject({
    owner: null,
    reaper: null,
    servers: {},
    processes: {},
    data: { redis: { kind: 'redis-server', folders: ['/elsewhere'] } },
  })
})

test('a server that is given by URL does not change the record of our data', () => {
  const file = new StackFile(folder)
  file.server('redis', { kind: 'redis-container', url: 'redis://127.0.0.1:1', containerId: 'abc' }, { volume: 'ours' })
  file.server('redis', { kind: 'given', url: 'redis://elsewhere' })
  expect(readStackRecord(folder)?.data.redis).toEqual({ kind: 'redis-container', port: 1, volume: 'ours' })
})

test('a folder is in use while its owner runs', () => {
  writeFileSync(join(folder, 'stack.json'), JSON.stringify({ owner: identityOf(process.ppid) }))
  expect(() => assertNotInUse(folder)).toThrow(StackInUse)
  writeFileSync(join(folder, 'stack.json'), JSON.stringify({ owner: { pid: process.ppid, startedAt: 'before' } }))
  expect(() => assertNotInUse(folder)).not.toThrow()
})

test('a damaged file is reported with a remedy', () => {
  writeFileSync(join(folder, 'stack.json'), '{ half')
  expect(() => readStackRecord(folder)).toThrow(/stack\.json can't be read.*--reset/)
})

test('settings for other programs are merged', () => {
  const file = new StackFile(folder)
  file.environment({ A: '1', B: '1' })
  file.environment({ B: '2' })
  expect(JSON.parse(readFileSync(file.path, 'utf8')).environment).toEqual({ A: '1', B: '2' })
})

test('only the owner can read logs and data, including those of an earlier version', () => {
  mkdirSync(join(folder, 'redis'), { mode: 0o755 })
  const file = new StackFile(folder)
  for (const name of ['logs', 'redis', 'seaweedfs']) expect(statSync(file.subfolder(name)).mode & 0o777, name).toBe(0o700)
})
