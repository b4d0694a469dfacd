import { expect, test } from 'vitest'
import { type CommandIo, directUrl, type Environment, runCommand } from '../../src/commands/command.ts'

const url = 'postgresql://airlock@127.0.0.1:5432/airlock'

test('migrations use the direct URL if it is set', () => {
  expect(directUrl({ DATABASE_URL: url })).toBe(url)
  expect(directUrl({ DATABASE_URL: 'postgres://pooler/x', DATABASE_DIRECT_URL: url })).toBe(url)
  expect(directUrl({ DATABASE_URL: url, DATABASE_DIRECT_URL: '' })).toBe(url)
})

const mistakes: [string, Environment, string][] = [
  ['is missing', {}, 'DATABASE_URL is missing'],
  ['is empty', { DATABASE_URL: '' }, 'DATABASE_URL is missing'],
  ['is not a URL', { DATABASE_URL: 'airlock' }, 'DATABASE_URL is not a Postgres URL'],
  [
    'belongs to another database system',
    { DATABASE_URL: url, DATABASE_DIRECT_URL: 'mysql://x/y' },
    'DATABASE_DIRECT_URL is not a Postgres URL',
  ],
]
test.each(mistakes)('a setting that %s is reported', (_what, env, message) => {
  expect(() => directUrl(env)).toThrow(message)
})

/** Runs a command with the flag `--loud`, and records its output. */
async function ran(args: string[], run: (given: { loud?: boolean }) => Promise<void> = async () => {}) {
  const output: string[] = []
  const io: CommandIo = { env: {}, out: (text) => output.push(`out: ${text}`), err: (text) => output.push(`err: ${text}`) }
  const code = await runCommand({ usage: 'Usage: shout\n', flags: ['loud'], args, io }, run)
  return { code, output: output.join('') }
}

test('a command prints its usage on request', async () => {
  expect(await ran(['--help'])).toEqual({ code: 0, output: 'out: Usage: shout\n' })
})

test('unknown flags and unexpected arguments print the usage and exit with 2', async () => {
  expect(await ran(['--quiet'])).toMatchObject({
    code: 2,
    output: expect.stringMatching(/^err: Unknown option '--quiet'[\s\S]*Usage: shout/),
  })
  expect(await ran(['now'])).toMatchObject({ code: 2 })
})

test('a failure prints one sentence and exits with 1', async () => {
  const failing = async ({ loud }: { loud?: boolean }) => {
    throw new Error(loud ? 'TOO LOUD' : 'too quiet')
  }
  expect(await ran(['--loud'], failing)).toEqual({ code: 1, output: 'err: TOO LOUD\n' })
})
