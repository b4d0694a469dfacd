import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { type ByteSource, InspectionFailed, type InspectionFault } from '@airlock/domain'
import type { Inspection } from '../full/inspect.ts'
import type { InspectedUpload } from '../full/inspector.ts'
import type { InspectionLimits } from '../full/limits.ts'
import { environment, execArgv, program } from './confinement.ts'
import { faultOfDeath } from './death.ts'
import type { FromChild, ToChild } from './messages.ts'
import { inspectorPid, type Launcher, plainLauncher } from './namespaces.ts'
import { Stopwatch } from './stopwatch.ts'
import { type Exceeded, UsageWatch } from './usage-watch.ts'
import { isReadable, verifiedInspection } from './verified.ts'

export interface InspectorOptions {
  /** Of the process, its native parts included. */
  readonly maxMemoryMiB: number
  /** How it is started; without one it is a plain child process. */
  readonly launcher?: Launcher
}

/** A file to read, and what that may cost. */
export interface InspectionTask {
  readonly source: ByteSource
  readonly upload: InspectedUpload
  readonly limits: InspectionLimits
  /** By the clock, without a sign of progress; waiting for the source does not count. */
  readonly maxSeconds: number
  /** By the clock, in all; waiting for the source does not count here either. */
  readonly maxSecondsInAll: number
  /** Processor time without a sign of progress. */
  readonly maxCpuSeconds: number
  /** Processor time in all. */
  readonly maxCpuSecondsInAll: number
  readonly signal: AbortSignal
}

/** How much of what the process writes to its standard error is kept, for operators. */
const maxStderrCharacters = 2000

/** How long a process that can't be reached may take to be seen dead. */
const dyingMs = 5000

/**
 * One process that reads files apart from this one: what takes it down takes nothing else with it.
 *
 * It gets no environment, may write no file, start no process and use no network; bytes come from the errand's source, by messages. What it uses
 * is measured from here.
 */
export class OneInspector {
  readonly #child: ChildProcess
  readonly #launcher: Launcher
  readonly #maxMemoryMiB: number
  readonly #exited: Promise<unknown>
  #stderr = ''
  #ready = false
  #pid: number | null = null
  #onMessage: (message: FromChild) => void = () => {}
  #onExit: (message: string, fault: InspectionFault) => void = () => {}
  /** Files read so far. */
  files = 0
  /** Of the process, after its last file. */
  rssBytes = 0

  constructor({ maxMemoryMiB, launcher = plainLauncher }: InspectorOptions) {
    this.#launcher = launcher
    this.#maxMemoryMiB = maxMemoryMiB
    const [execPath, ...prefix] = launcher.command
    this.#child = fork(program, [], {
      execPath,
      execArgv: [...prefix, ...execArgv(maxMemoryMiB)],
      env: environment,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-maxStderrCharacters)
    })
    this.#child.on('message', (message: unknown) => {
      const said = (message ?? {}) as FromChild
      if (said.kind === 'ready') this.#ready = true
      else this.#onMessage(said)
    })
    this.#child.on('error', (error) => void this.#isUnreachable(error))
    // not `exit`: what it wrote in its last moment may come later
    this.#exited = once(this.#child, 'close').then(
      ([code, signal]) => this.#onExit(this.#causeOfDeath(code, signal), faultOfDeath(code, signal, this.#ready)),
      (error: Error) => this.#onExit(error.message, { kind: 'machine' }),
    )
  }

  /** Whether it can be given a file. */
  get alive(): boolean {
    return this.#child.connected && !this.#child.killed && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Of the process that reads the files, as this one sees it; null while it is not there yet. */
  get pid(): number | null {
    if (this.#pid === null && this.#child.pid !== undefined) this.#pid = inspectorPid(this.#child.pid, this.#launcher)
    return this.#pid
  }

  /**
   * Has one file read. One at a time.
   *
   * @throws InspectionFailed when the process came to no verdict; what the source threw, as it was; the signal's reason
   */
  async run(task: InspectionTask): Promise<Inspection> {
    const { source, upload, limits, maxSeconds, maxSecondsInAll, signal } = task
    signal.throwIfAborted()
    const verdict = Promise.withResolvers<Inspection>()
    verdict.promise.catch(() => {}) // a process that dies while we still tell it what to do fails here and there
    let sourceError: unknown
    const fail = (message: string, fault: InspectionFault = { kind: 'machine' }) =>
      verdict.reject(sourceError ?? new InspectionFailed(message, { fault }))
    const kill = (message: string, fault?: InspectionFault) => this.#end(() => fail(message, fault))
    const tooLong = (seconds: number) => () => kill(`took longer than ${seconds} s`)
    const stopwatch = new Stopwatch(maxSeconds * 1000, tooLong(maxSeconds))
    const inAll = new Stopwatch(maxSecondsInAll * 1000, tooLong(maxSecondsInAll))
    const watch = new UsageWatch(
      () => this.pid,
      { ...task, maxMemoryMiB: this.#maxMemoryMiB },
      {
        onExceeded: (exceeded) => kill(sentenceOf(exceeded), exceeded),
        onFailed: (error) => kill(`can't be measured: ${error.message}`),
      },
    )
    const onAbort = () => this.#end(() => verdict.reject(signal.reason))
    let reading = false
    this.#onExit = fail
    this.#onMessage = (message) => {
      switch (message.kind) {
        case 'ready':
          return
        case 'progress':
          watch.progress()
          return stopwatch.restart()
        case 'read':
          // more than one read at a time, or bytes that are not there: it is not our program any more
          if (reading || !isReadable(message, source.size)) return kill('asked for what an inspector never asks for')
          reading = true
          stopwatch.hold()
          inAll.hold()
          void this.#answer(source, message).then((error) => {
            reading = false
            sourceError ??= error
            stopwatch.run()
            inAll.run()
          })
          return
        case 'verdict': {
          this.rssBytes = Number(message.rssBytes)
          const inspection = verifiedInspection(message.inspection, upload.mediaType)
          if (inspection === null) return kill('said what no inspector says')
          // a decoder may take a read that failed for the end of the file
          return sourceError === undefined ? verdict.resolve(inspection) : verdict.reject(sourceError)
        }
        case 'failed':
          return fail(String(message.fault).slice(0, maxStderrCharacters))
        default:
          return kill(`said ${JSON.stringify(message satisfies never)}`)
      }
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      this.files += 1
      stopwatch.run()
      inAll.run()
      this.#tell({ kind: 'inspect', size: source.size, upload, limits })
      return await verdict.promise
    } finally {
      stopwatch.end()
      inAll.end()
      watch.end()
      signal.removeEventListener('abort', onAbort)
      this.#onMessage = () => {}
      this.#onExit = () => {}
    }
  }

  /** Ends the process, whatever it does, and waits for that. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** @returns what the source threw, or undefined */
  async #answer(source: ByteSource, { offset, length }: Extract<FromChild, { kind: 'read' }>): Promise<unknown> {
    try {
      this.#tell({ kind: 'bytes', bytes: await source.read(offset, length) })
    } catch (error) {
      this.#tell({ kind: 'no bytes' })
      return error
    }
  }

  #tell(message: ToChild): void {
    this.#child.send(message, (error) => {
      if (error) void this.#isUnreachable(error)
    })
  }

  /** A process that dies can't be reached some time before it is seen to have died, and what it died of says more. */
  async #isUnreachable({ message }: Error): Promise<void> {
    await Promise.race([this.#exited, pause(dyingMs, undefined, { ref: false })])
    this.#onExit(`can't be reached: ${message}`, { kind: 'machine' })
  }

  /** Kills it for a reason of ours, which is told and not the signal that it died of. */
  #end(tell: () => void): void {
    tell()
    this.#child.kill('SIGKILL')
  }

  #causeOfDeath(code: number | null, signal: NodeJS.Signals | null): string {
    const how = `ended with ${signal ?? `code ${code}`}`
    return this.#stderr === '' ? how : `${how}: ${this.#stderr.trim()}`
  }
}

const sentenceOf = (exceeded: Exceeded): string =>
  exceeded.kind === 'memory' ? `needed more than ${exceeded.limitMiB} MiB` : `needed more than ${exceeded.limitSeconds} s of processor time`
