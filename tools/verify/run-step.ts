import { type ChildProcess, spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import type { Step } from './steps.ts'

export interface StepResult {
  readonly ok: boolean
  readonly ms: number
  /** The last 64 KiB of standard error, which was also shown. */
  readonly complaints: string
}

/** Time for a stopped command to clean up. */
const graceMs = 15_000
const keptCharacters = 65_536

/**
 * Runs the commands of a step in sequence, and shows their output.
 *
 * Each has its own session, so that a Ctrl-C in the terminal reaches only this process, which stops the command once.
 *
 * @param stop ends the running command, and skips the rest
 */
export async function runStep(step: Step, { root, stop }: { root: string; stop: AbortSignal }): Promise<StepResult> {
  const started = performance.now()
  const until = AbortSignal.any([stop, AbortSignal.timeout(step.timeoutMs)])
  let complaints = ''
  const hear = (text: string) => {
    complaints = (complaints + text).slice(-keptCharacters)
  }
  let ok = true
  for (const command of step.commands) {
    if (ok) ok = await run(command, root, until, hear)
  }
  if (until.aborted && !stop.aborted) process.stderr.write(`${step.name} took longer than ${step.timeoutMs / 1000} s and was ended\n`)
  return { ok, ms: performance.now() - started, complaints }
}

function run([command = '', ...args]: readonly string[], root: string, until: AbortSignal, hear: (text: string) => void): Promise<boolean> {
  if (until.aborted) return Promise.resolve(false)
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: environment(root), stdio: ['ignore', 'inherit', 'pipe'], detached: true })
    const onStop = () => endGroup(child)
    until.addEventListener('abort', onStop, { once: true })
    child.stderr.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk)
      hear(chunk.toString())
    })
    child.on('error', (error) => {
      process.stderr.write(`${command} can't be run: ${error.message}\n`)
      resolve(false)
    })
    child.on('exit', (code) => {
      until.removeEventListener('abort', onStop)
      resolve(code === 0)
    })
  })
}

/**
 * Tools and Node of the repository take precedence over those of the machine. Tests start hundreds of processes with the same modules, so Node's compile
 * cache is enabled; coverage is not affected, because Vitest transforms the sources itself.
 */
function environment(root: string): NodeJS.ProcessEnv {
  const path = [dirname(process.execPath), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: '1' } : {}
  const cache = { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules', '.cache', 'node') }
  return { ...process.env, ...colour, ...cache, PATH: path }
}

function endGroup(child: ChildProcess): void {
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // all of it has ended, as intended
    }
  }
  signal('SIGINT')
  const force = setTimeout(() => signal('SIGKILL'), graceMs)
  child.once('exit', () => clearTimeout(force))
}
