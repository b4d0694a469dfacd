import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { environment, root } from '../npm-start.ts'

/** 30 s of faults. Servers start before, and everything settles after: two minutes in all where other tests run beside it. */
const timeoutMs = 300_000

test('no accepted upload is lost in half a minute of chaos', { meta: { id: 'chaos-half-a-minute' }, timeout: timeoutMs }, async () => {
  const flags = ['--seed', '5', '--seconds', '30']
  const run = promisify(execFile)('npm', ['run', '--silent', 'chaos', '--', ...flags], {
    cwd: root,
    env: { ...environment(''), AIRLOCK_DATA_DIR: undefined },
    timeout: timeoutMs - 5_000,
  }).catch((error: { stdout: string; stderr: string }) => error)
  const { stdout, stderr } = await run

  const lastLine = stdout.trimEnd().split('\n').at(-1)
  expect(lastLine, `${lastLine}\n${stdout}${stderr}`).toMatch(/^chaos: seed 5, \d{2,} acknowledged, \d{2,} faults, 0 lost, 0 violations$/)
})
