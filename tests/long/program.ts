import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { StepContext } from './step.ts'

/**
 * Runs a program of ours to its end, and says each of its lines.
 *
 * @param args the file, from the root of the clone, and what it is given
 * @returns its last line
 * @throws Error with that line when it ends with another code than 0
 */
export async function lastLineOf([file, ...args]: readonly [string, ...string[]], { root, env, stop, say }: StepContext): Promise<string> {
  const child = spawn(process.execPath, [join(root, file), ...args], { env, stdio: ['ignore', 'pipe', 'inherit'], signal: stop })
  child.on('error', () => {}) // it was told to stop; how it ended, its code says
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
