import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'

/** A step of `npm test` or `npm run test:long`. */
export interface Step {
  readonly name: string
  /** Run one after the other until one fails. */
  readonly commands: readonly (readonly string[])[]
  /** Timeout, after which the step has failed. */
  readonly timeoutMs: number
}

export interface StepOptions {
  /** The folder of the repository. */
  readonly root: string
  /** Ends the running command, and skips the rest. */
  readonly stop: AbortSignal
  /** Called with each message that a command sends to its parent. */
  readonly onMessage?: (message: unknown) => void
}

/** Runs the commands of a step in sequence, and shows their output. */
export async function runStep({ name, commands, timeoutMs }: Step, options: StepOptions): Promise<{ ok: boolean; ms: number }> {
  const begun = performance.now()
  const timeout = AbortSignal.timeout(timeoutMs)
  const stop = AbortSignal.any([options.stop, timeout])
  let ok = true
  for (const command of commands) ok = ok && !stop.aborted && (await succeeds(command, { ...options, stop }))
  if (timeout.aborted) process.stderr.write(`${name} took longer than ${timeoutMs / 1000} s and was ended\n`)
  return { ok, ms: performance.now() - begun }
}

function succeeds([command = '', ...args]: readonly string[], { root, stop, onMessage }: StepOptions): Promise<boolean> {
  const stdio = ['ignore', 'inherit', 'inherit', ...(onMessage ? ['ipc' as const] : [])] as const
  const child = spawn(command, args, { cwd: root, env: environment(root), stdio: [...stdio], signal: stop })
  if (onMessage) child.on('message', onMessage)
  child.on('error', ({ name, message }) => name === 'AbortError' || process.stderr.write(`${command} can't be run: ${message}\n`))
  return new Promise((resolve) => child.on('close', (code) => resolve(code === 0)))
}

/**
 * Tools and Node of the repository take precedence over those of the machine. Tests start hundreds of processes with the same modules, so Node's compile
 * cache is enabled; coverage is not affected, because Vitest transforms the sources itself.
 */
function environment(root: string): NodeJS.ProcessEnv {
  const path = [dirname(process.execPath), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  return { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node'), ...process.env, PATH: path }
}

/**
 * Aborts at Ctrl-C, SIGTERM and SIGHUP, and when nobody reads the output any more. Standard input is a pipe from the parent process (bin/install.mjs),
 * which made this process the leader of a group: if the parent is killed, the group gets SIGHUP.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => controller.abort(signal))
  process.stdout.on('error', () => controller.abort('SIGHUP'))
  process.stdin.on('end', () => process.kill(-process.pid, 'SIGHUP')).resume()
  return controller.signal
}
