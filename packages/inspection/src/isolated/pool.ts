import { type AssetKind, assetKind, type ByteSource, MiB } from '@airlock/domain'
import type { Inspection } from '../full/inspect.ts'
import type { InspectedUpload } from '../full/inspector.ts'
import { defaultLimits, type InspectionLimits } from '../full/limits.ts'
import { OneInspector } from './one-inspector.ts'

export interface IsolationSettings {
  /** Seconds that reading a file may take, by who reads it. For an archive: from one entry to the next. */
  readonly maxSeconds: Readonly<Record<NonNullable<AssetKind['inspector']>, number>>
  /** MiB of one inspector process. */
  readonly maxMemoryMiB: number
  readonly limits: InspectionLimits
}

export const defaultIsolation: IsolationSettings = {
  maxSeconds: { picture: 30, video: 60, training_set: 60 },
  maxMemoryMiB: 1024,
  limits: defaultLimits,
}

/** An archive of thousands of pictures moves all the while, and may take its time; but not for ever. */
const archiveMaxSecondsInAll = 3600
/** A process is replaced after so many files, or when it keeps more than a half of its memory: whatever leaks, leaks away with it. */
const maxFilesOfOne = 500
const idleMs = 60_000

/** Inspector processes, at most so many at once; further files wait for one to become free. None is started before there is a file. */
export class InspectorPool {
  readonly #settings: IsolationSettings
  readonly #size: number
  readonly #idle: { inspector: OneInspector; timer: NodeJS.Timeout }[] = []
  readonly #busy = new Set<OneInspector>()
  readonly #waiting: (() => void)[] = []
  readonly #ending = new Set<Promise<void>>()
  #closed = false

  constructor(size: number, settings: IsolationSettings = defaultIsolation) {
    this.#size = size
    this.#settings = settings
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
    const { inspector: kind } = assetKind(upload.assetType)
    const maxSeconds = this.#settings.maxSeconds[kind ?? 'picture']
    try {
      return await inspector.run({
        source,
        upload,
        limits: this.#settings.limits,
        maxSeconds,
        maxSecondsInAll: kind === 'training_set' ? Math.max(maxSeconds, archiveMaxSecondsInAll) : maxSeconds,
        signal,
      })
    } finally {
      this.#giveBack(inspector)
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
      inspector = idle?.inspector ?? new OneInspector(this.#settings)
    }
    this.#busy.add(inspector)
    return inspector
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
