import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import { endProcess, identityOf, isRunning } from '../../src/process-identity.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

test('a process is identified by its pid and start time until it ends', async () => {
  const identity = start('setInterval(() => {}, 1000)')
  expect(isRunning(identity)).toBe(true)
  await endProcess(identity)
  expect(isRunning(identity)).toBe(false)
  expect(identityOf(identity.pid)).toBeNull()
})

test('a process that reuses a pid is not signalled', async () => {
  const identity = start('setInterval(() => {}, 1000)')
  await endProcess({ ...identity, startedAt: 'another time' })
  expect(isRunning(identity)).toBe(true)
})

test('a process that ignores the signal is killed, even while frozen', async () => {
  const identity = start("process.on('SIGTERM', () => {}); process.stdout.write('deaf'); setInterval(() => {}, 1000)")
  await new Promise((ready) => children.at(-1)?.stdout?.once('data', ready))
  process.kill(identity.pid, 'SIGSTOP')
  await endProcess(identity, { graceMs: 100 })
  expect(isRunning(identity)).toBe(false)
})

function start(script: string) {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  const identity = identityOf(child.pid ?? 0)
  if (identity === null) throw new Error('the child did not start')
  return identity
}
