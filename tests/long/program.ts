import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { StepContext } from './step.ts'

/**
 * Runs one of our programs to its end, and prints its lines.
 *
 * @param args the file, relative to the root of the repository, and its arguments
 * @returns its last line
 * @throws Error with that line if its exit code is not 0
 */
export async function lastLineOf([file, ...args]: readonly [string, ...string[]], { root, env, stop, say }: StepContext): Promise<string> {
  const child = spawn(process.execPath, [join(root, file), ...args], { env, stdio: ['ignore', 'pipe', 'inherit'], signal: stop })
  child.on('error', () => {}) // it was stopped; its exit code tells how it ended
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
