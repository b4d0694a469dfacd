import { availableParallelism } from 'node:os'
import type { SizeLimits } from '@airlock/domain'
import { defaultIsolation, type InspectionLimits, InspectorPool, type IsolationSettings, type Launcher } from '@airlock/inspection/isolated'
import { type Inspect, isLastInspection } from '@airlock/lifecycle'

/** What the worker is told of how files are read; the rest is as inspection has it. */
export interface InspectionSettings extends Omit<IsolationSettings, 'limits'> {
  readonly limits: Pick<InspectionLimits, 'maxBytes' | 'maxPixels'>
}

export interface IsolatedInspectors {
  /** For the uploads of one lane. Each lane has processes of its own, so that archives which take minutes keep no picture waiting. */
  forLane(): Inspect
  /** Ends the processes. */
  close(): Promise<void>
}

export interface IsolatedInspectorsOptions {
  readonly sizeLimits: SizeLimits
  /** Jobs at once for each lane. */
  readonly concurrency: number
  readonly settings?: InspectionSettings | undefined
  /** How processes are started, as `findLauncher` found it. */
  readonly launcher: Launcher
}

/**
 * Reads files in processes apart from the worker's own (docs/decisions/2026-11-24-inspection-in-a-child-process.md). More processes than cores bring
 * nothing.
 *
 * A file's last attempt runs in a pool of its own for all lanes of this worker, of one process: alone, and without keeping the lane from its
 * other files meanwhile (docs/decisions/2026-11-27-files-that-are-too-complex.md).
 */
export function isolatedInspectors({ sizeLimits, concurrency, settings, launcher }: IsolatedInspectorsOptions): IsolatedInspectors {
  const limits = { ...defaultIsolation.limits, maxBytes: sizeLimits, ...settings?.limits }
  const isolation = { ...defaultIsolation, ...settings, limits }
  const size = Math.min(concurrency, availableParallelism())
  const last = new InspectorPool(1, isolation, launcher)
  const pools = [last]
  return {
    forLane() {
      const pool = new InspectorPool(size, isolation, launcher)
      pools.push(pool)
      return (source, claim, signal) => {
        const { filename, detectedType: mediaType, assetType } = claim
        const upload = { filename, mediaType, assetType }
        return isLastInspection(claim) ? last.inspectAlone(source, upload, signal) : pool.inspect(source, upload, signal)
      }
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.close()))
    },
  }
}
