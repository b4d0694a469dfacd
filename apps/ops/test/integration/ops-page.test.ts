import { readFileSync } from 'node:fs'
import { inboxPrefix } from '@airlock/queue'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commands } from '../../src/command-table.ts'
import { dispatch } from '../../src/dispatch.ts'
import { accepts, type OpsServers, openOpsServers, parks } from '../servers.ts'

/** The commands of docs/ops.md and docs/runbook.md, run as they stand there, one after the other. */

const prefix = 'npm run ops -- '

const page = (name: string): string => readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8')

const linesIn = (name: string): string[] =>
  [...page(name).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => block.split('\n')).filter((line) => line !== '')

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
  expect(out.join('\n')).toMatch(/Exit codes: 0 /)
  for (const line of out.join('\n').split('\n')) expect(line.length, line).toBeLessThanOrEqual(150)
})

/** The fields of the objects of `--json`, as the page lists them. */
const fields = new Map(
  [...page('ops.md').matchAll(/^\| `([a-z ]+)` \| (`[a-z_]+`(?:, `[a-z_]+`)*) \|/gm)].map(([, command = '', names = '']) => [
    command,
    [...names.matchAll(/`(.*?)`/g)].map(([, name]) => name),
  ]),
)

/** Arguments of commands that need some; null: not run here. */
const more: Record<string, readonly string[] | null> = {
  ...{ doctor: ['--quick'], bucket: ['--check'], sweep: ['--dry-run'], reinspect: ['--dry-run'], probe: null },
  ...{ inspect: ['JOB_ID'], pause: ['training'], resume: ['all'], drain: ['training'], token: ['--user', 'USER_ID'] },
  ...{ 'jobs retry': ['--state', 'parked', '--yes'], 'webhooks replay': ['--all'], 'inbox clear': ['--kind', 'foreign', '--yes'] },
}

test('every command has --json, with the fields that the page lists', async () => {
  const names = new Set([...fields.keys()].map((command) => command.split(' ')[0]))
  // one prints an object for each event, the other writes pages in a checkout
  expect(commands.map(({ name }) => name).filter((name) => !names.has(name))).toEqual(['listen', 'docs'])
  for (const [command, expected] of fields) {
    const args = more[command] === undefined ? [] : more[command]
    if (args === null) continue
    const out: string[] = []
    const words = [...command.split(' '), ...args.map((word) => ids[word as keyof typeof ids] ?? word), '--json']
    const io = {
      env: { ...servers.env, JWT_SECRET: 'a-secret-of-this-test-with-enough-bytes' },
      out: (text: string) => out.push(text),
      err: () => {},
    }
    await dispatch(commands, words, io)
    expect({ command, fields: Object.keys(JSON.parse(out.join('\n'))).toSorted() }).toEqual({ command, fields: expected.toSorted() })
  }
})
