import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runStep } from '../../../verify/run-step.ts'

const node = (script: string) => ['node', '-e', script] as const
const step = (...commands: (readonly string[])[]) => ({ name: 'a step', commands, timeoutMs: 5_000 })
const root = fileURLToPath(new URL('../../../..', import.meta.url))
const never = new AbortController().signal

test('the first failing command ends the step, and its output is kept', async () => {
  const result = await runStep(step(node("console.error('oh no'); process.exit(3)"), node("console.error('never run')")), {
    root,
    stop: never,
  })
  expect(result).toMatchObject({ ok: false, complaints: 'oh no\n' })
})

test('commands run with the current Node', async () => {
  const { complaints } = await runStep(step(node('console.error(process.execPath)')), { root, stop: never })
  expect(complaints.trim()).toBe(process.execPath)
})

test('a command that is asked to stop can clean up, and the rest is skipped', async () => {
  const stop = new AbortController()
  const script =
    "process.on('SIGINT', () => { console.error('cleaned up'); process.exit(0) }); setTimeout(() => {}, 5000); console.error('runs')"
  const running = runStep(step(node(script), node("console.error('never run')")), { root, stop: stop.signal })
  setTimeout(() => stop.abort('SIGINT'), 500)
  const { complaints } = await running
  expect(complaints).toBe('runs\ncleaned up\n')
})

test('a step that times out is ended and has failed', async () => {
  const result = await runStep({ ...step(node('setTimeout(() => {}, 60_000)')), timeoutMs: 300 }, { root, stop: never })
  expect(result.ok).toBe(false)
  expect(result.ms).toBeLessThan(4_000)
})

test('a missing program fails the step', async () => {
  expect(await runStep(step(['no-such-program']), { root, stop: never })).toMatchObject({ ok: false })
})
