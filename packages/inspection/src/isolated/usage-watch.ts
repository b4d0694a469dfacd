import { MiB } from '@airlock/domain'
import { type ProcessUsage, usageOf } from './process-usage.ts'

export interface UsageLimits {
  readonly maxMemoryMiB: number
  /** Processor time without a sign of progress, in seconds. */
  readonly maxCpuSeconds: number
  /** Processor time in all, in seconds. */
  readonly maxCpuSecondsInAll: number
}

export type Exceeded = { readonly kind: 'memory'; readonly limitMiB: number } | { readonly kind: 'cpu_time'; readonly limitSeconds: number }

export interface WatchEvents {
  onExceeded(exceeded: Exceeded): void
  /** The process can't be measured. */
  onFailed(error: Error): void
}

/** How far apart a process is measured, in ms. Memory can be filled by some 100 MiB meanwhile. */
const intervalMs = 50

/**
 * Watches what a process uses while it reads one file. It does so from this process: code that blocks the other one's event loop would keep a
 * timer there from ever firing.
 */
export class UsageWatch {
  readonly #pid: () => number | null
  readonly #limits: UsageLimits
  readonly #events: WatchEvents
  readonly #timer: NodeJS.Timeout
  #startCpuSeconds: number | null = null
  #progressCpuSeconds = 0
  #last: ProcessUsage | null = null
  #measuring = false
  #ended = false

  /** @param pid null while it is not known yet */
  constructor(pid: () => number | null, limits: UsageLimits, events: WatchEvents) {
    this.#pid = pid
    this.#limits = limits
    this.#events = events
    this.#timer = setInterval(() => this.#look(), intervalMs)
    this.#look()
  }

  /** A part of the file is done: time without progress counts from now on. */
  progress(): void {
    this.#progressCpuSeconds = this.#last?.cpuSeconds ?? 0
  }

  end(): void {
    this.#ended = true
    clearInterval(this.#timer)
  }

  #look(): void {
    if (this.#measuring) return
    this.#measuring = true
    this.#measure()
      .catch((error: Error) => {
        if (!this.#ended) this.#events.onFailed(error)
      })
      .finally(() => {
        this.#measuring = false
      })
  }

  async #measure(): Promise<void> {
    const pid = this.#pid()
    const usage = pid === null ? null : await usageOf(pid)
    if (usage === null || this.#ended) return
    this.#last = usage
    if (this.#startCpuSeconds === null) {
      this.#startCpuSeconds = usage.cpuSeconds
      this.#progressCpuSeconds = usage.cpuSeconds
    }
    const exceeded = this.#exceededBy(usage, this.#startCpuSeconds)
    if (exceeded) this.#events.onExceeded(exceeded)
  }

  #exceededBy({ memoryBytes, cpuSeconds }: ProcessUsage, startCpuSeconds: number): Exceeded | null {
    const { maxMemoryMiB, maxCpuSeconds, maxCpuSecondsInAll } = this.#limits
    if (memoryBytes > maxMemoryMiB * MiB) return { kind: 'memory', limitMiB: maxMemoryMiB }
    if (cpuSeconds - this.#progressCpuSeconds > maxCpuSeconds) return { kind: 'cpu_time', limitSeconds: maxCpuSeconds }
    if (cpuSeconds - startCpuSeconds > maxCpuSecondsInAll) return { kind: 'cpu_time', limitSeconds: maxCpuSecondsInAll }
    return null
  }
}
