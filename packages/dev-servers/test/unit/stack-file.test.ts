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

test('a secret stays the same from one run to the next, and only its owner can read it', () => {
  const secret = new StackFile(folder).secret('password')
  expect(new StackFile(folder).secret('password')).toBe(secret)
  expect(Buffer.from(secret, 'base64url')).toHaveLength(48)
  expect(statSync(join(folder, 'stack.json')).mode & 0o077).toBe(0)
})

test('after the end nothing runs on record, and where data lies is still known', () => {
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

test('a server that belongs to somebody else leaves the record of our data as it is', () => {
  const file = new StackFile(folder)
  file.server('redis', { kind: 'redis-container', url: 'redis://127.0.0.1:1', containerId: 'abc' }, { volume: 'ours' })
  file.server('redis', { kind: 'given', url: 'redis://elsewhere' })
  expect(readStackRecord(folder)?.data.redis).toEqual({ kind: 'redis-container', volume: 'ours' })
})

test('a folder is in use while its owner runs, and free when the owner is gone', () => {
  writeFileSync(join(folder, 'stack.json'), JSON.stringify({ owner: identityOf(process.ppid) }))
  expect(() => assertNotInUse(folder)).toThrow(StackInUse)
  writeFileSync(join(folder, 'stack.json'), JSON.stringify({ owner: { pid: process.ppid, startedAt: 'before' } }))
  expect(() => assertNotInUse(folder)).not.toThrow()
})

test('a damaged file is named, with what to do about it', () => {
  writeFileSync(join(folder, 'stack.json'), '{ half')
  expect(() => readStackRecord(folder)).toThrow(/stack\.json can't be read.*--reset/)
})

test('settings for others are added up', () => {
  const file = new StackFile(folder)
  file.environment({ A: '1', B: '1' })
  file.environment({ B: '2' })
  expect(JSON.parse(readFileSync(file.path, 'utf8')).environment).toEqual({ A: '1', B: '2' })
})

test('logs and data can be looked into by their owner only, also those of an earlier version', () => {
  mkdirSync(join(folder, 'redis'), { mode: 0o755 })
  const file = new StackFile(folder)
  for (const name of ['logs', 'redis', 'seaweedfs']) expect(statSync(file.subfolder(name)).mode & 0o777, name).toBe(0o700)
})
