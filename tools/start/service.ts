import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { followFile } from './follow-file.ts'
import { readableLogLine } from './log-line.ts'

/** How a process of ours ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process that runs beside us until it is stopped. */
export interface Service {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Settles when the process has ended, whoever ended it, and its last line was said. */
  readonly ended: Promise<Ending>
  /** What it said last, for the person who has to find out why it ended. */
  lastLines(): readonly string[]
  /**
   * Asks it to finish (SIGTERM), and kills it when it has not after that long. Twice does no harm.
   *
   * @param graceMs how long what is in flight may take
   */
  stop(graceMs: number): Promise<void>
}

export interface ServiceOptions {
  readonly name: string
  /** Arguments for this Node: a program and what stands behind it. */
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** Takes everything that the process writes, as it was written; begun anew with each run. */
  readonly logFile: string
  /** Takes a prefixed, readable line for the screen. */
  readonly say: (line: string) => void
}

const keptLines = 12

/**
 * Starts a Node program as a process of its own.
 *
 * It is the head of a process group of its own (`detached`): a Ctrl-C reaches us alone, and we stop the services in their order.
 * It writes into its log file, not into a pipe to us: when we are killed it can still say how it ended, and a write to a pipe that
 * nobody reads keeps pino from ever leaving (sonic-boom 4.2, `flushSync`).
 *
 * @throws Error when the process can't be started at all
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
