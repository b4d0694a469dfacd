import { readFileSync } from 'node:fs'
import { inboxPrefix } from '@airlock/queue'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commands } from '../../src/command-table.ts'
import { dispatch } from '../../src/dispatch.ts'
import { accepts, type OpsServers, openOpsServers, parks } from '../servers.ts'

/** The commands of docs/ops.md and docs/runbook.md, run as they stand there, one after the other. */

const prefix = 'npm run ops -- '

const linesIn = (page: string): string[] =>
  [...readFileSync(new URL(`../../../../docs/${page}`, import.meta.url), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .flatMap(([, block = '']) => block.split('\n'))
    .filter((line) => line !== '')

const documented = linesIn('ops.md')

let servers: OpsServers
const ids = { JOB_ID: '', USER_ID: '' }

beforeAll(async () => {
  servers = await openOpsServers()
  ids.JOB_ID = await parks(servers)
  await accepts(servers)
  ids.USER_ID = (await servers.database.uploads.byId(await parks(servers)))?.userId ?? ''
  // an object with headers that are not valid, which no command of the page may remove
  const { Readable } = await import('node:stream')
  await servers.store.receive(`${inboxPrefix}odd.mp4`, Readable.from([Buffer.from('v')], { objectMode: false }), { nonce: 'n' })
  // the first command with filters retries all: this one has failed in another way
  await servers.sql.query(`update uploads set error_code = 'inspection_failed' where id = $1`, [ids.JOB_ID])
})
afterAll(() => servers.close())

/** Splits a line as a shell does, for words, single quotes and the two variables of the page. */
const argumentsOf = (line: string): string[] =>
  [...line.slice(prefix.length).matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, word = '']) => quoted ?? word.replace(/^\$([A-Z_]+)$/, (_, name) => ids[name as keyof typeof ids]),
  )

test('every command of the page does what it says', async () => {
  expect(documented.length).toBeGreaterThan(10)
  for (const line of documented) {
    expect(line.startsWith(prefix), line).toBe(true)
    const err: string[] = []
    const code = await dispatch(commands, argumentsOf(line), { env: servers.env, out: () => {}, err: (text) => err.push(text) })
    // `doctor` finds that no worker runs here
    expect({ line, code, err }).toEqual({ line, code: line.includes(' doctor') ? 1 : 0, err: [] })
  }
  expect((await servers.database.opsLog.ofUpload(ids.JOB_ID, { limit: 9 })).map(({ action }) => action)).toEqual(['release'])
  expect(await servers.bucket.keys(inboxPrefix)).toEqual([`${inboxPrefix}odd.mp4`])
})

test('every command of the runbook is understood', async () => {
  // `probe` is slow, and has tests of its own
  const lines = [...new Set(linesIn('runbook.md').filter((line) => line.startsWith(prefix) && line !== `${prefix}probe`))]
  expect(lines.length).toBeGreaterThan(10)
  for (const line of lines) {
    const err: string[] = []
    const code = await dispatch(commands, argumentsOf(line), { env: servers.env, out: () => {}, err: (text) => err.push(text) })
    // 1: `verify` and `bucket --check` found something
    expect([0, 1], `${line}: ${err.join(', ')}`).toContain(code)
  }
})

test.for(commands.map(({ name }) => name))('the help of %s has an example, and fits 150 columns', async (name, { expect }) => {
  const out: string[] = []
  expect(await dispatch(commands, [name, '--help'], { env: {}, out: (text) => out.push(text), err: () => {} })).toBe(0)
  expect(out.join('\n')).toMatch(new RegExp(`\nExample: npm run ops -- ${name}`))
  for (const line of out.join('\n').split('\n')) expect(line.length, line).toBeLessThanOrEqual(150)
})
