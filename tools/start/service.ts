import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as wait } from 'node:timers/promises'
import { identityOf, type StackFile } from '@airlock/dev-servers'
import { readableLogLine } from './log-lines.ts'

/** The exit of a process. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A child process that runs until it is stopped. */
export type Service = Awaited<ReturnType<typeof startService>>

/** A program that is started beside this one: one of the repository (`entry`), or another one (`command`). */
export interface Program {
  /** Its name on the screen and in `stack.json`. */
  readonly name: string
  /** Relative to the root of the repository. */
  readonly entry?: string
  readonly command?: readonly string[]
  /** Of another program, which gets no settings of Airlock. */
  readonly env?: Readonly<Record<string, string>>
  /** Where it listens. */
  readonly url?: string
  /** The file for its raw output, truncated at each start; by default in the data folder. */
  readonly logFile?: string
}

/** What all processes of a run share. */
export interface ServicesContext {
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  /** `stack.json`, which lists them. */
  readonly file: StackFile
  /** Called with each line of its log. */
  readonly onLogLine?: (name: string, line: string) => void
}

const keptLines = 12

/**
 * The arguments of `npm run gateway` and the containers: a small young heap is collected often, and the buffers of uploads with it
 * (docs/decisions/2026-11-24-a-small-young-heap.md).
 */
const nodeFlags = ['--max-semi-space-size=2']

/**
 * Starts a program as a separate process.
 *
 * It leads its own process group (`detached`), so that a Ctrl-C reaches only this process, which stops the services in order. It writes to its log file
 * instead of a pipe: it can still log its exit if this process is killed, and a write to a pipe without a reader would block pino for ever
 * (sonic-boom 4.2, `flushSync`).
 *
 * @throws Error if the process can't be started
 */
export async function startService(program: Program, { root, env, file, onLogLine }: ServicesContext) {
  const { name, entry = '', url, logFile = file.logFile(name) } = program
  writeFileSync(logFile, '')
  const log = openSync(logFile, 'a') // so that boundLogs may empty it
  const [command = '', ...args] = program.command ?? [process.execPath, ...nodeFlags, join(root, entry)]
  const child = spawn(command, args, { cwd: root, env: { ...env, ...program.env }, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const gone = once(child, 'exit').then(([code, signal]): Ending => ({ code, signal }))
  if (child.pid === undefined) throw new Error(`${name} can't be started`, { cause: await gone.catch((error: unknown) => error) })
  const identity = identityOf(child.pid)
  if (identity !== null) file.process(name, { ...identity, logFile, ...(url !== undefined && { url }) })
  const last: string[] = []
  const shown = followFile(logFile, gone, (line) => {
    last.push(line)
    if (last.length > keptLines) last.shift()
    onLogLine?.(name, line)
  })
  /** Settles when the process has ended for any reason, and its last line was read. */
  const ended = shown.then(() => gone)
  return {
    name,
    pid: child.pid,
    logFile,
    ended,
    /** Its last output, to explain why it ended. */
    lastLines: () => last.map(readableLogLine),
    /** Asks it to stop (SIGTERM), and kills it after the grace period. Can be called repeatedly. */
    stop: async (graceMs: number): Promise<void> => {
      child.kill('SIGTERM')
      const killer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await ended
      clearTimeout(killer)
    },
  }
}

/** `ended with exit code 1`, `was killed by SIGKILL`. */
export const describeEnding = ({ code, signal }: Ending): string =>
  signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`

const lookEveryMs = 50

/** Reads a file line by line while it grows, from its start again if it was emptied. @returns after the last line, when `ended` has settled */
async function followFile(file: string, ended: Promise<unknown>, take: (line: string) => void): Promise<void> {
  const handle = await open(file, 'r')
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let at = 0
  try {
    for (let over = false; !over; ) {
      over = await Promise.race([ended.then(() => true), wait(lookEveryMs, false)])
      const { size } = await handle.stat()
      if (size < at) at = 0
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(size - at), 0, size - at, at)
      at += bytesRead
      // characters and lines may be cut anywhere between two reads
      const lines = (rest + decoder.write(buffer.subarray(0, bytesRead))).split('\n')
      rest = lines.pop() ?? ''
      lines.forEach(take)
    }
    if (rest !== '') take(rest)
  } finally {
    await handle.close()
  }
}

/** Runs a program to its end. @throws Error with its last output if its exit code is not 0 */
export async function runToEnd(program: Program, context: ServicesContext): Promise<void> {
  const service = await startService(program, context)
  const ending = await service.ended
  if (ending.code !== 0) throw endingError(service, ending)
}

export function endingError({ name, logFile, lastLines }: Service, ending: Ending): Error {
  const lines = lastLines().map((line) => `  ${line}`)
  const first = `${name} ${describeEnding(ending)}.${lines.length === 0 ? '' : ' Its last lines:'}`
  return new Error([first, ...lines, 'All of its log:', `  ${logFile}`].join('\n'))
}
