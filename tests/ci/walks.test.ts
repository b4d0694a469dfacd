import { programInPath } from '@airlock/dev-servers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startMs } from '../npm-start.ts'
import { handedOver, page, Walk, walkOf } from '../walk.ts'

/** Runs the commands of the documentation unchanged, all with one `npm start`. */
let walk: Walk

beforeAll(async () => {
  walk = new Walk()
  await walk.ready()
}, startMs)
afterAll(() => walk.ends(), startMs)

const curl = programInPath('curl')
if (curl === null) process.stderr.write("skipped: the README's walk needs curl, which is not installed\n")

test.skipIf(curl === null)("the README's two minutes: an upload by curl, and its asset", { timeout: startMs }, async () => {
  expect(walk.run.output()).toMatch(/^(\d+) of \1 samples as expected/m)
  expect(walk.run.output()).toMatch(
    /^✓ Lighthouse by AI\.jpg .*\n {4}AI-generated: yes \(valid, signed by Example Studio\) · Lumen Image 3\.2$/m,
  )
  expect(walk.run.output()).toMatch(/^✓ Lighthouse, edited\.jpg .*\n {4}Content credentials do not match this file$/m)
  expect(walk.run.output()).not.toMatch(/.{81}/)
  expect(walk.run.output()).not.toContain('\u001b')
  const { stdout, stderr } = await walk.inShell(walkOf('README.md', 'sh walk'))
  expect(stderr).toBe('')
  expect(stdout).toMatch(/"status":"queued"/)
  expect(stdout).toMatch(/"status":"completed"/)
  expect(stdout).toContain('The same bytes.')
  expect(stdout).toMatch(/"code":"type_mismatch"/)
})

test('the pipeline in TypeScript enqueues a video and fetches its asset, and gets the reason for a bad one', {
  timeout: startMs,
}, async () => {
  const { stdout, stderr } = await walk.inShell(walkOf('docs/pipeline.md', 'sh walk'))
  expect(stderr).toBe('')
  expect(stdout.replaceAll(', waiting', '')).toMatch(handedOver)
  expect(stdout).toMatch(/\nrejected type_mismatch: File 'holiday.mp4' claims to be MP4, but its content is PNG.\nexit code 1\n$/)
})

test("the clients' command line logs in, uploads, continues, lists, reads and deletes", { timeout: startMs }, async () => {
  const installed = [
    'export XDG_CONFIG_HOME="$AIRLOCK_DATA_DIR/config" XDG_STATE_HOME="$AIRLOCK_DATA_DIR/state"',
    `airlock() { '${process.execPath}' apps/cli/src/main.ts "$@"; }\n`,
  ].join('\n')
  const { stdout, stderr } = await walk.inShell(installed + walkOf('docs/cli.md', 'sh walk'))
  expect(stderr).toContain('Logged in to http')
  expect(stderr).toContain('\n2 of 2 files are assets.\n')
  expect(stderr).toContain('\n13 of 13 files are assets.\n')
  expect(stderr).toContain('\n1 of 2 files is an asset, 1 was refused.\n')
  expect(stdout).toMatch(/^✓ examples\/samples\/good\/logo\.png {2}brand-images\//m)
  expect(stdout).toMatch(/^\{"file":"examples\/samples\/bad\/note\.jpg","status":"failed",.*"code":"file_corrupt"/m)
  expect(stdout).toMatch(/^exit code 1$/m)
  expect(stdout).toMatch(/^http\S+$/m)
  expect(stdout).toMatch(/^✓ \S{36} is deleted$/m)
})

test('a stack stops in order, and starts again with its data and the same address of the store', { timeout: 2 * startMs }, async () => {
  walk.run.signal('SIGTERM')
  expect(await walk.run.ended).toBe(0)
  expect(walk.run.output()).toMatch(/\nStopped\.\n$/)
  const { endpoint } = walk

  walk.startsAgain(['--check', '--logs'])
  expect(await walk.run.ended).toBe(0)
  expect(walk.run.output()).toContain('The schema is up to date.')
  expect(walk.run.output()).toMatch(/^✓ logo\.png +completed +\d+ ms\n/m)
  expect(walk.run.output()).toMatch(/gateway stopping.*worker stopping.*\nStopped\.\nCheck passed: all samples as expected\.\n$/s)
  expect(walk.endpoint).toBe(endpoint)
})

test('every other command in the README is an existing script', () => {
  const { scripts } = JSON.parse(page('package.json')) as { scripts: Record<string, string> }
  const named = [...page('README.md').matchAll(/npm (?:run (?:--silent )?)?([a-z]+(?::[a-z]+)*)/g)].map(([, name = '']) => name)

  expect(named).toContain('start')
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining([...new Set(named)]))
})
