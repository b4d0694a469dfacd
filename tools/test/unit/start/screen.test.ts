import { PassThrough } from 'node:stream'
import { WriteStream } from 'node:tty'
import { expect, test, vi } from 'vitest'
import { screenOn, width, wrapped } from '../../../start/screen.ts'

/** A screen, and what was written to it. */
function screen({ isTTY, columns }: { isTTY?: boolean; columns?: number }) {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), {
    isTTY,
    columns,
    getColorDepth: WriteStream.prototype.getColorDepth,
  })
  return { ...screenOn(stream as unknown as NodeJS.WriteStream), written: () => stream.read() as string }
}

test('a line is wrapped at spaces, and the rest of an indented one is indented further', () => {
  expect(wrapped('  one two three\nfour\nfive six seven', 10)).toBe('  one two\n    three\nfour\nfive six\nseven')
})

test('a word that is too long is kept whole, so that it can be copied', () => {
  expect(wrapped('in /a/path/that/is/long now', 10)).toBe('in\n/a/path/that/is/long\nnow')
})

test('combining characters and colours take no columns', () => {
  expect(width('u\u0308\u001b[32m✓\u001b[39m')).toBe(2)
})

test.each([
  [{ isTTY: true, columns: 60 }, 60],
  [{ isTTY: true, columns: 0 }, 80],
  [{}, 80],
])('%j: at most %d columns', (terminal, columns) => {
  const { say, written } = screen(terminal)
  say('word '.repeat(40))
  const widest = Math.max(...written().split('\n').map(width))
  expect(widest).toBeLessThanOrEqual(columns)
  expect(widest).toBeGreaterThan(columns - 6)
})

test.each([
  [{ isTTY: true }, {}, '\u001b[32myes\u001b[39m'],
  [{ isTTY: true }, { NO_COLOR: '1' }, 'yes'],
  [{}, {}, 'yes'],
])('%j with %j: %j', (terminal, env, shown) => {
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS', 'CI', 'TF_BUILD', 'TEAMCITY_VERSION']) vi.stubEnv(name, undefined)
  vi.stubEnv('TERM', 'xterm-256color')
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  expect(screen(terminal).colour('green', 'yes')).toBe(shown)
  vi.unstubAllEnvs()
})
