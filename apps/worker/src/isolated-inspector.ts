import { availableParallelism } from 'node:os'
import type { SizeLimits } from '@airlock/domain'
import { defaultIsolation, type InspectionLimits, InspectorPool, type IsolationSettings } from '@airlock/inspection/isolated'
import type { Inspect } from '@airlock/lifecycle'

/** What the worker is told of how files are read; the rest is as inspection has it. */
export interface InspectionSettings extends Omit<IsolationSettings, 'limits'> {
  readonly limits: Pick<InspectionLimits, 'maxBytes' | 'maxPixels'>
}

export interface IsolatedInspector {
  readonly inspect: Inspect
  /** Ends the processes. */
  close(): Promise<void>
}

export interface IsolatedInspectorOptions {
  readonly sizeLimits: SizeLimits
  /** Jobs at once. */
  readonly concurrency: number
  readonly settings?: InspectionSettings | undefined
}

/**
 * Reads files in processes apart from the worker's own (docs/decisions/2026-11-24-inspection-in-a-child-process.md).
 *
 * Each lane has an inspector of its own, so that archives which take minutes keep no picture waiting. More processes than cores bring nothing.
 */
export function isolatedInspector({ sizeLimits, concurrency, settings }: IsolatedInspectorOptions): IsolatedInspector {
  const limits = { ...defaultIsolation.limits, maxBytes: sizeLimits, ...settings?.limits }
  const pool = new InspectorPool(Math.min(concurrency, availableParallelism()), { ...defaultIsolation, ...settings, limits })
  return {
    inspect: (source, { filename, detectedType, assetType }, signal) =>
      pool.inspect(source, { filename, mediaType: detectedType, assetType }, signal),
    close: () => pool.close(),
  }
}
