import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Journal } from '../../src/upload/journal.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-journal-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const asset = { assetId: 'a-1', key: 'brand-images/a' }
const open = (identity: unknown = 'command', options = {}) => Journal.open(folder, identity, options)
const journalsOf = (journal: Journal) => readdirSync(dirname(journal.resumeFile)).filter((name) => name.endsWith('.jsonl'))

/** Makes the journal look like that of another process, which has been killed. */
function killed(journal: Journal): void {
  const { pid } = spawnSync('true')
  const as = (path: string) => renameSync(path, path.replace(`/${process.pid}-`, `/${pid}-`))
  as(journal.resumeFile)
  as(journal.resumeFile.replace('open.json', 'jsonl'))
}

test('a run continues what a killed one has left: finished files, keys, and open uploads', () => {
  const first = open()
  const { key, isContinued } = first.begin('file 1')
  first.begin('file 2')
  first.finish('file 2', asset)
  writeFileSync(first.resumeFile, JSON.stringify({ 'file 1': { id: 'u' } }))
  appendFileSync(first.resumeFile.replace('open.json', 'jsonl'), '["file 3",{"ke') // it was killed while it wrote
  killed(first)

  const second = open()
  expect(isContinued).toBe(false)
  expect(second.begin('file 1')).toEqual({ key, isContinued: true })
  expect(second.finishedOf('file 2')).toEqual(asset)
  expect(second.finishedOf('file 1')).toBeNull()
  expect(second.begin('file 3').isContinued).toBe(false)
  expect(JSON.parse(readFileSync(second.resumeFile, 'utf8'))).toEqual({ 'file 1': { id: 'u' } })
  expect(journalsOf(second)).toHaveLength(1)
})

test('a run that was closed in order is continued by the next one of the same process', () => {
  const first = open()
  first.finish('file', asset)
  first.close(false)
  expect(open().finishedOf('file')).toEqual(asset)
})

test('another command, and a run that goes on, keep their own', () => {
  const running = open()
  running.finish('file', asset)
  const pid = process.ppid // a process that lives
  renameSync(running.resumeFile.replace('open.json', 'jsonl'), join(dirname(running.resumeFile), `${pid}-x.jsonl`))

  expect(open().finishedOf('file')).toBeNull()
  expect(open('another command').finishedOf('file')).toBeNull()
  expect(journalsOf(running)).toContain(`${pid}-x.jsonl`)
})

test('nothing remains of a complete run, of one that did nothing, and with `fresh` of earlier ones', () => {
  const complete = open()
  complete.finish('file', asset)
  complete.close(true)
  expect(readdirSync(folder)).toEqual([])

  const idle = open()
  idle.begin('refused')
  idle.forget('refused')
  idle.close(false)
  expect(readdirSync(folder)).toEqual([])

  const first = open()
  first.finish('file', asset)
  first.close(false)
  expect(open('command', { fresh: true }).finishedOf('file')).toBeNull()
})

test('others can read none of it', () => {
  const journal = open()
  expect(statSync(dirname(journal.resumeFile)).mode & 0o777).toBe(0o700)
  for (const name of readdirSync(dirname(journal.resumeFile)))
    expect(statSync(join(dirname(journal.resumeFile), name)).mode & 0o777).toBe(0o600)
})
