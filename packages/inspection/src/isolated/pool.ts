import { type AssetKind, assetKind, type ByteSource, InspectionFailed, InspectorBusy, MiB } from '@airlock/domain'
import type { Inspection } from '../full/inspect.ts'
import type { InspectedUpload } from '../full/inspector.ts'
import { defaultLimits, type InspectionLimits } from '../full/limits.ts'
import { type Launcher, plainLauncher } from './namespaces.ts'
import { type InspectionTask, OneInspector } from './one-inspector.ts'

type ByInspector = Readonly<Record<NonNullable<AssetKind['inspector']>, number>>

export interface IsolationSettings {
  /**
   * Seconds that reading a file may take by the clock, by who reads it. For an archive: from one entry to the next. Taking longer is the
   * machine's fault.
   */
  readonly maxSeconds: ByInspector
  /**
   * Seconds of processor time likewise. Taking more is the file's fault, once it runs alone: so it must be less than `maxSeconds`, and what a
   * loaded machine needs for a good file by the clock must not reach that first.
   */
  readonly maxCpuSeconds: ByInspector
  /** MiB of one inspector process. */
  readonly maxMemoryMiB: number
  readonly limits: InspectionLimits
}

export const defaultIsolation: IsolationSettings = {
  maxSeconds: { picture: 60, video: 120, training_set: 120 },
  maxCpuSeconds: { picture: 20, video: 30, training_set: 30 },
  maxMemoryMiB: 1024,
  limits: defaultLimits,
}

/** An archive of thousands of pictures moves all the while, and may take its time; but not for ever. */
const archiveInAll = { maxSeconds: 3600, maxCpuSeconds: 1800 } as const
/** A process is replaced after so many files, or when it keeps more than a half of its memory: whatever leaks, leaks away with it. */
const maxFilesOfOne = 500
const idleMs = 60_000

/** Inspector processes, at most so many at once; further files wait for one to become free. None is started before there is a file. */
export class InspectorPool {
  readonly #settings: IsolationSettings
  readonly #launcher: Launcher
  readonly #size: number
  readonly #idle: { inspector: OneInspector; timer: NodeJS.Timeout }[] = []
  readonly #busy = new Set<OneInspector>()
  readonly #waiting: (() => void)[] = []
  readonly #ending = new Set<Promise<void>>()
  #closed = false

  /** @param launcher how processes are started, as `findLauncher` found it */
  constructor(size: number, settings: IsolationSettings = defaultIsolation, launcher: Launcher = plainLauncher) {
    this.#size = size
    this.#settings = settings
    this.#launcher = launcher
  }

  /**
   * Has a file read in a process apart. The same as `inspect`, and:
   *
   * @param signal ends it, and the process with it
   * @throws InspectionFailed when the process crashed, or needed more time or memory than it may have
   */
  async inspect(source: ByteSource, upload: InspectedUpload, signal: AbortSignal): Promise<Inspection> {
    await this.#room(signal)
    const inspector = this.#take()
    try {
      return await inspector.run({ source, upload, signal, ...this.#costsOf(upload) })
    } finally {
      this.#giveBack(inspector)
    }
  }

  /**
   * Has a file read alone: in a fresh process, with no other inspection in this pool. For pools of one process, which take nothing else.
   *
   * @throws InspectorBusy at once when another file is being read alone
   * @throws InspectionFailed as `inspect`; the failure says that it ran alone
   */
  async inspectAlone(source: ByteSource, upload: InspectedUpload, signal: AbortSignal): Promise<Inspection> {
    signal.throwIfAborted()
    if (this.#closed) throw new Error('the inspectors have been closed')
    if (this.#busy.size > 0) throw new InspectorBusy('another file is being read alone')
    const inspector = this.#start()
    this.#busy.add(inspector)
    try {
      return await inspector.run({ source, upload, signal, ...this.#costsOf(upload) })
    } catch (error) {
      throw error instanceof InspectionFailed ? new InspectionFailed(error.message, { fault: error.fault, alone: true }) : error
    } finally {
      this.#busy.delete(inspector)
      this.#end(inspector)
    }
  }

  /** Ends all processes; a file that is being read fails. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { inspector, timer } of this.#idle.splice(0)) {
      clearTimeout(timer)
      this.#end(inspector)
    }
    for (const inspector of this.#busy) this.#end(inspector)
    await Promise.all(this.#ending)
  }

  #costsOf({
    assetType,
  }: InspectedUpload): Pick<InspectionTask, 'limits' | 'maxSeconds' | 'maxSecondsInAll' | 'maxCpuSeconds' | 'maxCpuSecondsInAll'> {
    const kind = assetKind(assetType).inspector ?? 'picture'
    const { limits } = this.#settings
    const [maxSeconds, maxCpuSeconds] = [this.#settings.maxSeconds[kind], this.#settings.maxCpuSeconds[kind]]
    const inAll = kind === 'training_set' ? archiveInAll : { maxSeconds, maxCpuSeconds }
    return {
      limits,
      maxSeconds,
      maxCpuSeconds,
      maxSecondsInAll: Math.max(maxSeconds, inAll.maxSeconds),
      maxCpuSecondsInAll: Math.max(maxCpuSeconds, inAll.maxCpuSeconds),
    }
  }

  async #room(signal: AbortSignal): Promise<void> {
    while (this.#busy.size >= this.#size) {
      const turn = Promise.withResolvers<void>()
      this.#waiting.push(turn.resolve)
      const onAbort = () => {
        // Its turn must not be given to one who is gone
        this.#waiting.splice(this.#waiting.indexOf(turn.resolve), 1)
        turn.reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      await turn.promise.finally(() => signal.removeEventListener('abort', onAbort))
    }
    signal.throwIfAborted()
    if (this.#closed) throw new Error('the inspectors have been closed')
  }

  #take(): OneInspector {
    let inspector: OneInspector | undefined
    while (!inspector?.alive) {
      const idle = this.#idle.pop()
      if (idle) clearTimeout(idle.timer)
      inspector = idle?.inspector ?? this.#start()
    }
    this.#busy.add(inspector)
    return inspector
  }

  #start(): OneInspector {
    return new OneInspector({ maxMemoryMiB: this.#settings.maxMemoryMiB, launcher: this.#launcher })
  }

  #giveBack(inspector: OneInspector): void {
    this.#busy.delete(inspector)
    const spent = inspector.files >= maxFilesOfOne || inspector.rssBytes > (this.#settings.maxMemoryMiB * MiB) / 2
    if (!inspector.alive || spent || this.#closed) this.#end(inspector)
    else this.#idle.push({ inspector, timer: setTimeout(() => this.#retire(inspector), idleMs).unref() })
    this.#waiting.shift()?.()
  }

  #retire(inspector: OneInspector): void {
    const at = this.#idle.findIndex((idle) => idle.inspector === inspector)
    if (at < 0) return
    this.#idle.splice(at, 1)
    this.#end(inspector)
  }

  #end(inspector: OneInspector): void {
    const ended = inspector.close().finally(() => this.#ending.delete(ended))
    this.#ending.add(ended)
  }
}
