import { Semaphore } from '@airlock/async'
import { type AssetKind, assetKind, type ByteSource, InspectionFailed, type InspectionFault, InspectorBusy, MiB } from '@airlock/domain'
import type { Inspection } from '../full/inspect.ts'
import type { InspectedUpload } from '../full/inspector.ts'
import { defaultLimits, type InspectionLimits } from '../full/inspector.ts'
import { type InspectionTask, InspectorProcess } from './inspector-process.ts'
import { type Launcher, plainLauncher } from './namespaces.ts'

type ByInspector = Readonly<Record<NonNullable<AssetKind['inspector']>, number>>

export interface IsolationSettings {
  /**
   * Wall-clock seconds per file, by inspector; for an archive, per entry. Exceeding them is a fault of the machine.
   */
  readonly maxSeconds: ByInspector
  /**
   * Seconds of CPU time likewise. Exceeding them when the file runs alone is a fault of the file: so it must be less than `maxSeconds`, which must in
   * turn suffice for a good file on a machine under load.
   */
  readonly maxCpuSeconds: ByInspector
  /** Memory of one inspector process. */
  readonly maxMemoryMiB: number
  readonly limits: InspectionLimits
}

export const defaultIsolation: IsolationSettings = {
  maxSeconds: { picture: 60, video: 120, training_set: 120 },
  maxCpuSeconds: { picture: 20, video: 30, training_set: 30 },
  maxMemoryMiB: 1024,
  limits: defaultLimits,
}

/** An archive of thousands of pictures makes progress all the time, and may take longer in total. */
const archiveTotals = { maxSeconds: 3600, maxCpuSeconds: 1800 } as const
/** A process is replaced after this many files, or if it uses more than half of its memory, to bound leaks. */
const maxFilesPerProcess = 2000
const idleMs = 60_000

/** Why a process was replaced: by the fault of its file, after its inspection was aborted, or because of its age or use of memory. */
export type RestartReason = InspectionFault['kind'] | 'aborted' | 'worn'

/** For metrics. */
export interface PoolEvents {
  onRestart?(reason: RestartReason): void
  /** The most memory that the process of a file has used. */
  onPeak?(bytes: number): void
}

/** A pool of inspector processes. They are started on demand; files wait if all are busy. */
export class InspectorPool {
  readonly #settings: IsolationSettings
  readonly #launcher: Launcher
  readonly #events: PoolEvents
  readonly #slots: Semaphore
  readonly #idle: { inspector: InspectorProcess; timer: NodeJS.Timeout }[] = []
  readonly #busy = new Set<InspectorProcess>()
  readonly #ending = new Set<Promise<void>>()
  #closed = false

  /**
   * @param launcher how processes are started, see `findLauncher`
   * @param events for metrics
   */
  constructor(size: number, settings: IsolationSettings = defaultIsolation, launcher: Launcher = plainLauncher, events: PoolEvents = {}) {
    this.#events = events
    this.#slots = new Semaphore(size)
    this.#settings = settings
    this.#launcher = launcher
  }

  /**
   * Inspects a file in a separate process. The same as `inspect`, and:
   *
   * @param signal aborts the inspection, and ends the process
   * @throws InspectionFailed if the process crashed, or exceeded a limit of time or memory
   */
  async inspect(source: ByteSource, upload: InspectedUpload, signal: AbortSignal): Promise<Inspection> {
    const freeSlot = await this.#slots.take(signal)
    try {
      signal.throwIfAborted()
      const inspector = this.#acquire()
      try {
        return await this.#run(inspector, source, upload, signal)
      } finally {
        this.#release(inspector)
      }
    } finally {
      freeSlot()
    }
  }

  /**
   * Inspects a file alone: in a fresh process, with no other inspection in this pool. For pools of one process that are used for nothing else.
   *
   * @throws InspectorBusy immediately if another file is being inspected alone
   * @throws InspectionFailed as `inspect`, with `alone` set
   */
  async inspectAlone(source: ByteSource, upload: InspectedUpload, signal: AbortSignal): Promise<Inspection> {
    signal.throwIfAborted()
    if (this.#closed) throw new Error('the inspector pool is closed')
    if (this.#busy.size > 0) throw new InspectorBusy('another file is being inspected alone')
    const inspector = this.#start()
    this.#busy.add(inspector)
    try {
      return await this.#run(inspector, source, upload, signal)
    } catch (error) {
      throw error instanceof InspectionFailed ? new InspectionFailed(error.message, { fault: error.fault, alone: true }) : error
    } finally {
      this.#busy.delete(inspector)
      this.#end(inspector)
    }
  }

  /** Ends all processes. Inspections that are running fail. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { inspector, timer } of this.#idle.splice(0)) {
      clearTimeout(timer)
      this.#end(inspector)
    }
    for (const inspector of this.#busy) this.#end(inspector)
    await Promise.all(this.#ending)
  }

  async #run(inspector: InspectorProcess, source: ByteSource, upload: InspectedUpload, signal: AbortSignal): Promise<Inspection> {
    try {
      return await inspector.run({ source, upload, signal, ...this.#limitsOf(upload) })
    } catch (error) {
      if (!inspector.alive && !this.#closed) this.#events.onRestart?.(restartReason(error, signal))
      throw error
    } finally {
      this.#events.onPeak?.(inspector.peakBytes)
    }
  }

  #limitsOf({
    assetType,
  }: InspectedUpload): Pick<InspectionTask, 'limits' | 'maxSeconds' | 'maxTotalSeconds' | 'maxCpuSeconds' | 'maxTotalCpuSeconds'> {
    const kind = assetKind(assetType).inspector ?? 'picture'
    const { limits } = this.#settings
    const [maxSeconds, maxCpuSeconds] = [this.#settings.maxSeconds[kind], this.#settings.maxCpuSeconds[kind]]
    const totals = kind === 'training_set' ? archiveTotals : { maxSeconds, maxCpuSeconds }
    return {
      limits,
      maxSeconds,
      maxCpuSeconds,
      maxTotalSeconds: Math.max(maxSeconds, totals.maxSeconds),
      maxTotalCpuSeconds: Math.max(maxCpuSeconds, totals.maxCpuSeconds),
    }
  }

  #acquire(): InspectorProcess {
    if (this.#closed) throw new Error('the inspector pool is closed')
    let inspector: InspectorProcess | undefined
    while (!inspector?.alive) {
      const idle = this.#idle.pop()
      if (idle) clearTimeout(idle.timer)
      inspector = idle?.inspector ?? this.#start()
    }
    this.#busy.add(inspector)
    return inspector
  }

  #start(): InspectorProcess {
    const { maxMemoryMiB, limits } = this.#settings
    return new InspectorProcess({ maxMemoryMiB, launcher: this.#launcher, trustPem: limits.provenance.trustPem })
  }

  #release(inspector: InspectorProcess): void {
    this.#busy.delete(inspector)
    const isWorn = inspector.files >= maxFilesPerProcess || inspector.rssBytes > (this.#settings.maxMemoryMiB * MiB) / 2
    if (isWorn && inspector.alive && !this.#closed) this.#events.onRestart?.('worn')
    if (!inspector.alive || isWorn || this.#closed) this.#end(inspector)
    else this.#idle.push({ inspector, timer: setTimeout(() => this.#retire(inspector), idleMs).unref() })
  }

  #retire(inspector: InspectorProcess): void {
    const at = this.#idle.findIndex((idle) => idle.inspector === inspector)
    if (at < 0) return
    this.#idle.splice(at, 1)
    this.#end(inspector)
  }

  #end(inspector: InspectorProcess): void {
    const ended = inspector.close().finally(() => this.#ending.delete(ended))
    this.#ending.add(ended)
  }
}

function restartReason(error: unknown, signal: AbortSignal): RestartReason {
  if (signal.aborted) return 'aborted'
  return error instanceof InspectionFailed ? error.fault.kind : 'machine'
}
