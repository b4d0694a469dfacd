import { MiB } from '@airlock/domain'
import { type ProcessUsage, usageOf } from './process-usage.ts'

export interface UsageLimits {
  readonly maxMemoryMiB: number
  /** CPU time without progress, in seconds. */
  readonly maxCpuSeconds: number
  /** Total CPU time, in seconds. */
  readonly maxTotalCpuSeconds: number
}

export type Exceeded = { readonly kind: 'memory'; readonly limitMiB: number } | { readonly kind: 'cpu_time'; readonly limitSeconds: number }

export interface WatchEvents {
  /** Called with each measurement. */
  onMeasured(usage: ProcessUsage): void
  onExceeded(exceeded: Exceeded): void
  /** The process can't be measured. */
  onFailed(error: Error): void
}

/** Interval of measurements. A process can allocate about 100 MiB in between. */
const intervalMs = 50

/**
 * Watches the resources of a process while it inspects one file. It runs in this process, because a blocked event loop would delay a timer in the
 * other one.
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

  /** @param pid returns null until it is known */
  constructor(pid: () => number | null, limits: UsageLimits, events: WatchEvents) {
    this.#pid = pid
    this.#limits = limits
    this.#events = events
    this.#timer = setInterval(() => this.#tick(), intervalMs)
    this.#tick()
  }

  /** A part of the file is done: restarts the time without progress. */
  progress(): void {
    this.#progressCpuSeconds = this.#last?.cpuSeconds ?? 0
  }

  end(): void {
    this.#ended = true
    clearInterval(this.#timer)
  }

  #tick(): void {
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
    this.#events.onMeasured(usage)
    if (this.#startCpuSeconds === null) {
      this.#startCpuSeconds = usage.cpuSeconds
      this.#progressCpuSeconds = usage.cpuSeconds
    }
    const exceeded = this.#exceededBy(usage, this.#startCpuSeconds)
    if (exceeded) this.#events.onExceeded(exceeded)
  }

  #exceededBy({ memoryBytes, cpuSeconds }: ProcessUsage, startCpuSeconds: number): Exceeded | null {
    const { maxMemoryMiB, maxCpuSeconds, maxTotalCpuSeconds } = this.#limits
    if (memoryBytes > maxMemoryMiB * MiB) return { kind: 'memory', limitMiB: maxMemoryMiB }
    if (cpuSeconds - this.#progressCpuSeconds > maxCpuSeconds) return { kind: 'cpu_time', limitSeconds: maxCpuSeconds }
    if (cpuSeconds - startCpuSeconds > maxTotalCpuSeconds) return { kind: 'cpu_time', limitSeconds: maxTotalCpuSeconds }
    return null
  }
}
