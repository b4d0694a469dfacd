import { availableParallelism } from 'node:os'
import type { SizeLimits } from '@airlock/domain'
import {
  defaultIsolation,
  type InspectionLimits,
  InspectorPool,
  type IsolationSettings,
  type Launcher,
  type PoolEvents,
  type RestartReason,
} from '@airlock/inspection/isolated'
import { type Inspect, isLastInspection } from '@airlock/lifecycle'

/** The worker's settings for inspection; the others keep the defaults of the inspection package. */
export interface InspectionSettings extends Omit<IsolationSettings, 'limits'> {
  readonly limits: Pick<InspectionLimits, 'maxBytes' | 'maxPixels' | 'provenance'>
}

/** Since the start. */
export interface InspectorUsage {
  /** The most memory that one process has used. */
  readonly peakBytes: number
  /** How many processes were replaced, by reason. */
  readonly restarts: Readonly<Record<RestartReason, number>>
}

export interface IsolatedInspectors {
  /** The inspector of one lane. Each lane has its own processes, so that pictures do not wait for archives that take minutes. */
  forLane(): Inspect
  /** For metrics. */
  usage(): InspectorUsage
  /** Ends the processes. */
  close(): Promise<void>
}

export interface IsolatedInspectorsOptions {
  readonly sizeLimits: SizeLimits
  /** Concurrent jobs per lane. */
  readonly concurrency: number
  readonly settings?: InspectionSettings | undefined
  /** Starts the processes; from `findLauncher`. */
  readonly launcher: Launcher
}

/**
 * Inspects files in child processes (docs/decisions/2026-11-24-inspection-in-a-child-process.md). More processes than cores bring
 * no gain.
 *
 * A file's last attempt runs alone, in a separate pool of one process that all lanes of this worker share, so that its lane can go on with
 * other files (docs/decisions/2026-11-27-files-that-are-too-complex.md).
 */
export function isolatedInspectors({ sizeLimits, concurrency, settings, launcher }: IsolatedInspectorsOptions): IsolatedInspectors {
  const limits = { ...defaultIsolation.limits, maxBytes: sizeLimits, ...settings?.limits }
  const isolation = { ...defaultIsolation, ...settings, limits }
  const size = Math.min(concurrency, availableParallelism())
  const restarts: Record<RestartReason, number> = { cpu_time: 0, memory: 0, crash: 0, machine: 0, aborted: 0, worn: 0 }
  let peakBytes = 0
  const events: PoolEvents = {
    onRestart: (reason) => {
      restarts[reason] += 1
    },
    onPeak: (bytes) => {
      peakBytes = Math.max(peakBytes, bytes)
    },
  }
  const last = new InspectorPool(1, isolation, launcher, events)
  const pools = [last]
  return {
    forLane() {
      const pool = new InspectorPool(size, isolation, launcher, events)
      pools.push(pool)
      return (source, claim, signal) => {
        const { filename, detectedType: mediaType, assetType } = claim
        const upload = { filename, mediaType, assetType }
        return isLastInspection(claim) ? last.inspectAlone(source, upload, signal) : pool.inspect(source, upload, signal)
      }
    },
    usage: () => ({ peakBytes, restarts: { ...restarts } }),
    async close() {
      await Promise.all(pools.map((pool) => pool.close()))
    },
  }
}
