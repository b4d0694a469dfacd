import { readConfig } from '@airlock/config'
import { expect, test } from 'vitest'
import { type Command, type CommandIo, UsageError } from '../../src/command.ts'
import { dispatch } from '../../src/dispatch.ts'

interface RecordedIo extends CommandIo {
  readonly printed: string[]
  readonly complained: string[]
}

function recordedIo(): RecordedIo {
  const printed: string[] = []
  const complained: string[] = []
  return { env: {}, printed, complained, out: (text) => printed.push(text), err: (text) => complained.push(text) }
}

const command = (name: string, run: Command['run']): Command => ({
  name,
  summary: `does ${name}`,
  usage: '[--loud]',
  example: '--loud',
  run,
})

const fails = (error: unknown) => command('fail', () => Promise.reject(error))

test('a command gets the arguments after its name, and its exit code is used', async () => {
  const given: string[][] = []
  const sweep = command('sweep', async (args) => given.push(args) + 2)

  expect(await dispatch([command('other', async () => 9), sweep], ['sweep', '--dry-run', 'now'], recordedIo())).toBe(3)
  expect(given).toEqual([['--dry-run', 'now']])
})

test.each([['--help'], ['-h'], ['help']])('%s lists every command with its summary', async (word) => {
  const io = recordedIo()

  expect(await dispatch([command('sweep', async () => 0), command('token', async () => 0)], [word], io)).toBe(0)
  expect(io.printed.join()).toMatch(/sweep {2}does sweep\n {2}token {2}does token/)
})

test('without a command the list is printed to standard error, and the exit code is not 0', async () => {
  const io = recordedIo()

  expect(await dispatch([command('sweep', async () => 0)], [], io)).toBe(2)
  expect(io.printed).toEqual([])
  expect(io.complained.join()).toContain('does sweep')
})

test('an unknown command is reported with the existing ones', async () => {
  const io = recordedIo()

  expect(await dispatch([command('sweep', async () => 0)], ['sweeep'], io)).toBe(2)
  expect(io.complained.join()).toContain("Command 'sweeep' does not exist")
  expect(io.complained.join()).toContain('does sweep')
})

test('--help after a command prints its usage without running it', async () => {
  const io = recordedIo()

  expect(await dispatch([fails(new Error('it ran'))], ['fail', '--loud', '--help'], io)).toBe(0)
  expect(io.printed.join()).toContain('npm run ops -- fail [--loud]')
})

test.each([
  ['a usage error', new UsageError('--loud takes no value')],
  ['an error of parseArgs', Object.assign(new TypeError('--loud takes no value'), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' })],
])('%s is reported together with the usage', async (_, error) => {
  const io = recordedIo()

  expect(await dispatch([fails(error)], ['fail'], io)).toBe(2)
  expect(io.complained.join()).toMatch(/^--loud takes no value\n\nops fail: does fail/)
})

test.each([
  [
    'an error with its causes',
    new Error('no answer', { cause: new Error('', { cause: 'ECONNREFUSED' }) }),
    'fail failed: no answer, because: Error, because: ECONNREFUSED',
  ],
  ['a mistake of ours that is a TypeError', new TypeError('x is not a function'), 'fail failed: x is not a function'],
])('%s ends with exit code 1', async (_, error, expected) => {
  const io = recordedIo()

  expect(await dispatch([fails(error)], ['fail'], io)).toBe(1)
  expect(io.complained).toEqual([expected])
})

const needsServers = command('sweep', async (_, { env }) => readConfig(env, ['DATABASE_URL', 'REDIS_URL', 'PORT']) && 0)

test('invalid settings are listed', async () => {
  const io = { ...recordedIo(), env: { PORT: 'many' } }

  expect(await dispatch([needsServers], ['sweep'], io)).toBe(1)
  expect(io.complained.join()).toMatch(/3 settings need a look:\n {2}DATABASE_URL .*\n {2}REDIS_URL .*\n {2}PORT/)
})

test('if all settings are missing, one line says that nothing runs here', async () => {
  const io = recordedIo()

  expect(await dispatch([needsServers], ['sweep'], io)).toBe(1)
  expect(io.complained).toEqual([
    "No 'npm start' is running in this folder, and neither the environment nor .env sets DATABASE_URL, REDIS_URL.",
  ])
})
