import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { proveAll } from './check.ts'
import type { LongStep, StepContext } from './step.ts'

/** Twenty thousand good files with something done to them; the tests of inspection have a thousand of them. */
export const mutations: LongStep = {
  name: 'mutations',
  about: 'inspects 20 000 damaged files: a verdict for each, soon, without growing',
  run: (context) =>
    proveAll(
      [{ what: 'each of 20 000 damaged files gets a verdict, and none that no decoder opens passes', prove: lastLineOf }],
      context,
      context,
    ),
}

/** @returns what the run says at its end: how many there were, how many passed, how long the slowest took */
async function lastLineOf({ root, stop, say }: StepContext): Promise<string> {
  const child = spawn(process.execPath, [join(root, 'packages/inspection/test/long/mutations.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: stop,
  })
  let last = ''
  for await (const text of child.stdout.setEncoding('utf8')) {
    for (const line of String(text).split('\n').filter(Boolean)) {
      say(`    ${line}`)
      last = line
    }
  }
  const code = await new Promise<number | null>((resolve) =>
    child.exitCode === null ? child.on('exit', resolve) : resolve(child.exitCode),
  )
  if (code !== 0) throw new Error(last)
  return last
}
