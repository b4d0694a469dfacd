import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { type ByteSource, InspectionFailed } from '@airlock/domain'
import type { Inspection } from '../full/inspect.ts'
import type { InspectedUpload } from '../full/inspector.ts'
import type { InspectionLimits } from '../full/limits.ts'
import { environment, execArgv, program } from './confinement.ts'
import { exitCodes, type FromChild, type ToChild } from './messages.ts'
import { Stopwatch } from './stopwatch.ts'

export interface InspectorOptions {
  /** Of the process, its native parts included. */
  readonly maxMemoryMiB: number
}

/** A file to read, and how long that may take. */
export interface Errand {
  readonly source: ByteSource
  readonly upload: InspectedUpload
  readonly limits: InspectionLimits
  /** Without a sign of progress; waiting for the source does not count. */
  readonly maxSeconds: number
  /** In all; waiting for the source does not count here either. */
  readonly maxSecondsInAll: number
  readonly signal: AbortSignal
}

/** How much of what the process writes to its standard error is kept, for operators. */
const maxStderrCharacters = 2000

/** How long a process that can't be reached may take to be seen dead. */
const dyingMs = 5000

/**
 * One process that reads files apart from this one: what takes it down takes nothing else with it.
 *
 * It gets no environment, may write no file, start no process and use no network; bytes come from the errand's source, by messages.
 */
export class OneInspector {
  readonly #child: ChildProcess
  readonly #options: InspectorOptions
  readonly #exited: Promise<unknown>
  #stderr = ''
  #onMessage: (message: FromChild) => void = () => {}
  #onExit: (fault: string) => void = () => {}
  /** Files read so far. */
  files = 0
  /** Of the process, after its last file. */
  rssBytes = 0

  constructor(options: InspectorOptions) {
    this.#options = options
    this.#child = fork(program, [String(options.maxMemoryMiB)], {
      execArgv: execArgv(options.maxMemoryMiB),
      env: environment,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-maxStderrCharacters)
    })
    this.#child.on('message', (message: FromChild) => this.#onMessage(message))
    this.#child.on('error', (error) => void this.#isUnreachable(error))
    // not `exit`: what it wrote in its last moment may come later
    this.#exited = once(this.#child, 'close').then(
      ([code, signal]) => this.#onExit(this.#causeOfDeath(code, signal)),
      (error: Error) => this.#onExit(error.message),
    )
  }

  /** Whether it can be given a file. */
  get alive(): boolean {
    return this.#child.connected && !this.#child.killed && this.#child.exitCode === null && this.#child.signalCode === null
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /**
   * Has one file read. One at a time.
   *
   * @throws InspectionFailed when the process came to no verdict; what the source threw, as it was; the signal's reason
   */
  async run({ source, upload, limits, maxSeconds, maxSecondsInAll, signal }: Errand): Promise<Inspection> {
    signal.throwIfAborted()
    const verdict = Promise.withResolvers<Inspection>()
    verdict.promise.catch(() => {}) // a process that dies while we still tell it what to do fails here and there
    let sourceError: unknown
    const fail = (fault: string) => verdict.reject(sourceError ?? new InspectionFailed(fault))
    const tooLong = (seconds: number) => () => this.#end(() => fail(`took longer than ${seconds} s`))
    const stopwatch = new Stopwatch(maxSeconds * 1000, tooLong(maxSeconds))
    const inAll = new Stopwatch(maxSecondsInAll * 1000, tooLong(maxSecondsInAll))
    const onAbort = () => this.#end(() => verdict.reject(signal.reason))
    this.#onExit = fail
    this.#onMessage = (message) => {
      switch (message.kind) {
        case 'ready':
          return
        case 'progress':
          return stopwatch.restart()
        case 'read':
          stopwatch.hold()
          inAll.hold()
          void this.#answer(source, message).then((error) => {
            sourceError ??= error
            stopwatch.run()
            inAll.run()
          })
          return
        case 'verdict':
          this.rssBytes = message.rssBytes
          // a decoder may take a read that failed for the end of the file
          return sourceError === undefined ? verdict.resolve(message.inspection) : verdict.reject(sourceError)
        case 'failed':
          return fail(message.fault)
        default:
          return fail(`said ${JSON.stringify(message satisfies never)}`)
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
    this.#onExit(`can't be reached: ${message}`)
  }

  /** Kills it for a reason of ours, which is told and not the signal that it died of. */
  #end(tell: () => void): void {
    tell()
    this.#child.kill('SIGKILL')
  }

  #causeOfDeath(code: number | null, signal: NodeJS.Signals | null): string {
    const how =
      code === exitCodes.tooMuchMemory ? `needed more than ${this.#options.maxMemoryMiB} MiB` : `ended with ${signal ?? `code ${code}`}`
    return this.#stderr === '' ? how : `${how}: ${this.#stderr.trim()}`
  }
}
