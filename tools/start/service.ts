import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { followFile } from './follow-file.ts'
import { readableLogLine } from './log-line.ts'

/** The exit of a process. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A child process that runs until it is stopped. */
export interface Service {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Settles when the process has ended for any reason, and its last line was printed. */
  readonly ended: Promise<Ending>
  /** Its last output, to explain why it ended. */
  lastLines(): readonly string[]
  /**
   * Asks it to stop (SIGTERM), and kills it after the grace period. Can be called repeatedly.
   *
   * @param graceMs time for work in flight
   */
  stop(graceMs: number): Promise<void>
}

export interface ServiceOptions {
  readonly name: string
  /** Arguments for Node: a program and its arguments. */
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** The file for the raw output of the process; truncated at each start. */
  readonly logFile: string
  /** Called with each readable line, with a prefix. */
  readonly say: (line: string) => void
}

const keptLines = 12

/**
 * Starts a Node program as a separate process.
 *
 * It leads its own process group (`detached`), so that a Ctrl-C reaches only this process, which stops the services in order. It writes to its log file
 * instead of a pipe: it can still log its exit if this process is killed, and a write to a pipe without a reader would block pino for ever
 * (sonic-boom 4.2, `flushSync`).
 *
 * @throws Error if the process can't be started
 */
export async function startService({ name, args, cwd, env, logFile, say }: ServiceOptions): Promise<Service> {
  const log = openSync(logFile, 'w')
  const child = spawn(process.execPath, [...args], { cwd, env, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const gone = endingOf(child)
  if (child.pid === undefined) throw new Error(`${name} can't be started`, { cause: await gone.catch((error: unknown) => error) })
  const last: string[] = []
  const shown = followFile(logFile, gone, (line) => {
    const readable = readableLogLine(line)
    last.push(readable)
    if (last.length > keptLines) last.shift()
    say(`${name.padEnd(7)} │ ${readable}`)
  })
  const ended = shown.then(() => gone)
  return { name, pid: child.pid, logFile, ended, lastLines: () => [...last], stop: (graceMs) => stop(child, ended, graceMs) }
}

function endingOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
}

async function stop(child: ChildProcess, ended: Promise<Ending>, graceMs: number): Promise<void> {
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await ended
  clearTimeout(killer)
}

/** `ended with exit code 1`, `was killed by SIGKILL`. */
export const describeEnding = ({ code, signal }: Ending): string =>
  signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`
