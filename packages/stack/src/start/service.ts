import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
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
  readonly startedAt: Date
  /** Settles when the process has ended, whoever ended it. */
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
 *
 * @throws Error when the process can't be started at all
 */
export async function startService({ name, args, cwd, env, logFile, say }: ServiceOptions): Promise<Service> {
  const child = spawn(process.execPath, [...args], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = endingOf(child)
  const pid = child.pid
  if (pid === undefined) throw new Error(`${name} can't be started`, { cause: await ended.catch((error: unknown) => error) })
  const log = createWriteStream(logFile, { flags: 'w' })
  log.on('error', (error) => say(`${name}: its log can't be written: ${error.message}`))
  const last: string[] = []
  for (const output of [child.stdout, child.stderr]) {
    eachLine(output, (line) => {
      log.write(`${line}\n`)
      const readable = readableLogLine(line)
      last.push(readable)
      if (last.length > keptLines) last.shift()
      say(`${name.padEnd(7)} │ ${readable}`)
    })
  }
  void ended.finally(() => log.end())
  return { name, pid, logFile, startedAt: new Date(), ended, lastLines: () => [...last], stop: (graceMs) => stop(child, ended, graceMs) }
}

/** `close` comes after the last line was read, `exit` may come before. */
function endingOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
}

const eachLine = (input: Readable, take: (line: string) => void): void => {
  createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }).on('line', take)
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
