import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { runStep } from '../../../verify/step.ts'

/** Scripts append to this file, because the output of a step is shown and not kept. */
const notes = join(tmpdir(), `step-${process.pid}.txt`)
const note = (text: string) => `require('node:fs').appendFileSync(${JSON.stringify(notes)}, ${text} + '\\n')`
const noted = () => readFileSync(notes, 'utf8')
afterEach(() => rmSync(notes, { force: true }))

const node = (script: string) => ['node', '-e', script] as const
const step = (...commands: (readonly string[])[]) => ({ name: 'a step', commands, timeoutMs: 5_000 })
const root = fileURLToPath(new URL('../../../..', import.meta.url))
const never = new AbortController().signal

test('the first failing command ends the step', async () => {
  const commands = [node(`${note("'ran'")}; process.exit(3)`), node(note("'never run'"))]
  expect(await runStep(step(...commands), { root, stop: never })).toMatchObject({ ok: false })
  expect(noted()).toBe('ran\n')
})

test('commands run with the current Node', async () => {
  expect(await runStep(step(node(note('process.execPath'))), { root, stop: never })).toMatchObject({ ok: true })
  expect(noted().trim()).toBe(process.execPath)
})

test('a command that is asked to stop can clean up, and the rest is skipped', async () => {
  const stop = new AbortController()
  const script = `process.on('SIGTERM', () => { ${note("'cleaned up'")}; process.exit(0) }); setTimeout(() => {}, 5000); process.send('runs')`
  const onMessage = () => stop.abort('SIGINT')
  await runStep(step(node(script), node(note("'never run'"))), { root, stop: stop.signal, onMessage })
  expect(noted()).toBe('cleaned up\n')
})

test('a step that times out is ended and has failed', async () => {
  const result = await runStep({ ...step(node('setTimeout(() => {}, 60_000)')), timeoutMs: 300 }, { root, stop: never })
  expect(result.ok).toBe(false)
  expect(result.ms).toBeLessThan(4_000)
})

test('a missing program fails the step', async () => {
  expect(await runStep(step(['no-such-program']), { root, stop: never })).toMatchObject({ ok: false })
})
