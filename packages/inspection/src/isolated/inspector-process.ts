import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { resolvesWithin } from '@airlock/async'
import { type ByteSource, InspectionFailed, type InspectionFault } from '@airlock/domain'
import { readFully } from '../full/byte-range.ts'
import { type Inspection, smallBytes } from '../full/inspect.ts'
import type { InspectedUpload, InspectionLimits } from '../full/inspector.ts'
import { environment, execArgv, program } from './confinement.ts'
import type { FromChild, ToChild } from './messages.ts'
import { isReadable, verifiedInspection } from './messages.ts'
import { inspectorPid, type Launcher, plainLauncher } from './namespaces.ts'
import { Stopwatch } from './stopwatch.ts'
import { type Exceeded, UsageWatch } from './usage-watch.ts'

export interface InspectorOptions {
  /** Memory of the process, including native code. */
  readonly maxMemoryMiB: number
  /** How it is started; a plain child process by default. */
  readonly launcher?: Launcher
  /** Certificates that it trusts; nobody by default. The limits of a file do not replace it. */
  readonly trustPem?: string | null
}

/** A file to inspect, and its limits. */
export interface InspectionTask {
  readonly source: ByteSource
  readonly upload: InspectedUpload
  readonly limits: InspectionLimits
  /** Wall-clock time without progress, not counting time spent waiting for the source. */
  readonly maxSeconds: number
  /** Total wall-clock time, not counting time spent waiting for the source. */
  readonly maxTotalSeconds: number
  /** CPU time without progress. */
  readonly maxCpuSeconds: number
  /** Total CPU time. */
  readonly maxTotalCpuSeconds: number
  readonly signal: AbortSignal
}

/** The part of the process's standard error that is kept for operators. */
const maxStderrCharacters = 2000

/** How long to wait for the exit of a process that can't be reached. */
const exitTimeoutMs = 5000

/**
 * A separate process that inspects files, so that its crash affects nothing else.
 *
 * It has an empty environment, and can't write files, start processes or use the network. It gets a small file with its task, and requests
 * bytes of a larger one by messages. Its use of memory and CPU time is measured by this process.
 */
export class InspectorProcess {
  readonly #child: ChildProcess
  readonly #launcher: Launcher
  readonly #maxMemoryMiB: number
  readonly #exited: Promise<unknown>
  #stderr = ''
  readonly #ready = Promise.withResolvers<void>()
  #isReady = false
  #pid: number | null = null
  #onMessage: (message: FromChild) => void = () => {}
  #onExit: (message: string, fault: InspectionFault) => void = () => {}
  /** Files inspected so far. */
  files = 0
  /** Memory of the process after its last file. */
  rssBytes = 0
  /** The most memory that was measured from outside while it read a file. */
  peakBytes = 0

  constructor({ maxMemoryMiB, launcher = plainLauncher, trustPem = null }: InspectorOptions) {
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
      const received = (message ?? {}) as FromChild
      if (received.kind === 'ready') this.#onReady()
      else this.#onMessage(received)
    })
    this.#child.on('error', (error) => void this.#onUnreachable(error))
    // not `exit`: its last output may arrive later
    this.#exited = once(this.#child, 'close').then(
      ([code, signal]) => this.#onExit(this.#causeOfDeath(code, signal), faultOfExit(code, signal, this.#isReady)),
      (error: Error) => this.#onExit(error.message, { kind: 'machine' }),
    )
    if (trustPem !== null) this.#send({ kind: 'trust', pem: trustPem })
  }

  /** Whether it can inspect another file. */
  get alive(): boolean {
    return this.#child.connected && !this.#child.killed && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The process id of the inspector in this process's namespace; null until it has started. */
  get pid(): number | null {
    if (this.#pid === null && this.#child.pid !== undefined) this.#pid = inspectorPid(this.#child.pid, this.#launcher)
    return this.#pid
  }

  /**
   * Inspects one file. Call it for one file at a time.
   *
   * @throws InspectionFailed if the process reached no verdict; errors of the source, unchanged; the signal's reason
   */
  async run(task: InspectionTask): Promise<Inspection> {
    const { source, upload, limits, maxSeconds, maxTotalSeconds, signal } = task
    signal.throwIfAborted()
    const verdict = Promise.withResolvers<Inspection>()
    verdict.promise.catch(() => {}) // avoids an unhandled rejection if the process dies while the task is being sent
    let sourceError: unknown
    const fail = (message: string, fault: InspectionFault = { kind: 'machine' }) =>
      verdict.reject(sourceError ?? new InspectionFailed(message, { fault }))
    const kill = (message: string, fault?: InspectionFault) => this.#end(() => fail(message, fault))
    const tooLong = (seconds: number) => () => kill(`took longer than ${seconds} s`)
    const stopwatch = new Stopwatch(maxSeconds * 1000, tooLong(maxSeconds))
    const totalStopwatch = new Stopwatch(maxTotalSeconds * 1000, tooLong(maxTotalSeconds))
    const watch = new UsageWatch(
      () => this.pid,
      { ...task, maxMemoryMiB: this.#maxMemoryMiB },
      {
        onMeasured: ({ memoryBytes }) => {
          this.peakBytes = Math.max(this.peakBytes, memoryBytes)
        },
        onExceeded: (exceeded) => kill(describe(exceeded), exceeded),
        onFailed: (error) => kill(`can't be measured: ${error.message}`),
      },
    )
    const onAbort = () => this.#end(() => verdict.reject(signal.reason))
    let reading = false
    this.#onExit = fail
    const onMessage = (message: FromChild) => {
      switch (message.kind) {
        case 'ready':
          return
        case 'progress':
          watch.progress()
          return stopwatch.restart()
        case 'read':
          // parallel reads, or a range outside of the file: the process does not run our program any more
          if (reading || !isReadable(message, source.size)) return kill('sent an invalid read request')
          reading = true
          stopwatch.pause()
          totalStopwatch.pause()
          void this.#answer(source, message).then((error) => {
            reading = false
            sourceError ??= error
            stopwatch.run()
            totalStopwatch.run()
          })
          return
        case 'verdict': {
          this.rssBytes = Number(message.rssBytes)
          const inspection = verifiedInspection(message.inspection, upload.mediaType)
          if (inspection === null) return kill('sent an invalid verdict')
          // a decoder may mistake a failed read for the end of the file
          return sourceError === undefined ? verdict.resolve(inspection) : verdict.reject(sourceError)
        }
        case 'failed':
          return fail(String(message.fault).slice(0, maxStderrCharacters))
        default:
          return kill(`sent an unknown message: ${JSON.stringify(message satisfies never)}`)
      }
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      this.files += 1
      stopwatch.run()
      totalStopwatch.run()
      await Promise.race([this.#ready.promise, verdict.promise])
      stopwatch.pause()
      totalStopwatch.pause()
      const bytes = await bytesOfSmall(source, verdict.promise)
      stopwatch.run()
      totalStopwatch.run()
      this.#onMessage = onMessage
      this.#send({ kind: 'inspect', size: source.size, bytes, upload, limits: withoutTrust(limits) })
      return await verdict.promise
    } finally {
      stopwatch.end()
      totalStopwatch.end()
      watch.end()
      signal.removeEventListener('abort', onAbort)
      this.#onMessage = () => {}
      this.#onExit = () => {}
    }
  }

  /** Kills the process, and waits for its exit. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** @returns the error of the source, or undefined */
  async #answer(source: ByteSource, { offset, length }: Extract<FromChild, { kind: 'read' }>): Promise<unknown> {
    try {
      this.#send({ kind: 'bytes', bytes: await source.read(offset, length) })
    } catch (error) {
      this.#send({ kind: 'no bytes' })
      return error
    }
  }

  #onReady(): void {
    this.#isReady = true
    this.#ready.resolve()
  }

  #send(message: ToChild): void {
    this.#child.send(message, (error) => {
      if (error) void this.#onUnreachable(error)
    })
  }

  /** A dying process can't be reached before its exit is reported, and the reason of its exit is more informative: so this waits for it. */
  async #onUnreachable({ message }: Error): Promise<void> {
    await resolvesWithin(this.#exited, { ms: exitTimeoutMs })
    this.#onExit(`can't be reached: ${message}`, { kind: 'machine' })
  }

  /** Kills the process for a reason that `report` gives, so that it is reported instead of the signal. */
  #end(report: () => void): void {
    report()
    this.#child.kill('SIGKILL')
  }

  #causeOfDeath(code: number | null, signal: NodeJS.Signals | null): string {
    const how = `ended with ${signal ?? `code ${code}`}`
    return this.#stderr === '' ? how : `${how}: ${this.#stderr.trim()}`
  }
}

const withoutTrust = (limits: InspectionLimits): InspectionLimits => ({ ...limits, provenance: { ...limits.provenance, trustPem: null } })

/**
 * @param end rejects if the inspection is aborted, or the process ends, and does not resolve meanwhile
 * @returns null if the file is large
 */
async function bytesOfSmall(source: ByteSource, end: Promise<unknown>): Promise<Uint8Array | null> {
  if (source.size > smallBytes) return null
  const bytes = readFully(source, 0, source.size)
  await Promise.race([bytes, end])
  return bytes
}

const describe = (exceeded: Exceeded): string =>
  exceeded.kind === 'memory' ? `needed more than ${exceeded.limitMiB} MiB` : `needed more than ${exceeded.limitSeconds} s of CPU time`

/** Signals of crashes: sent by the kernel for a violation, or by the program itself. */
const crashSignals: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT', 'SIGTRAP', 'SIGSYS'])

/**
 * The cause of the exit of a process that this one did not kill.
 *
 * Signals other than crashes come from outside: the kernel sends SIGKILL if memory is short, service managers SIGTERM. A process that exits before it
 * is ready has not read the file: its program can't be loaded.
 *
 * @param ready whether it was ready to read files
 */
function faultOfExit(code: number | null, signal: NodeJS.Signals | null, ready: boolean): InspectionFault {
  const crashed = signal === null ? code !== 0 : crashSignals.has(signal)
  return ready && crashed ? { kind: 'crash' } : { kind: 'machine' }
}
