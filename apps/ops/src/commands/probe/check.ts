import type { ScratchBucket } from './scratch-bucket.ts'

/** `ok`: like Amazon S3. `differs`: supported, but different. `missing`: not supported. `skipped`: could not be checked here. */
type Result = 'ok' | 'differs' | 'missing' | 'skipped'

export interface Finding {
  readonly result: Result
  readonly remark: string
}

/** One capability that Airlock uses, or could use. */
export interface Check {
  readonly capability: string
  /** What Airlock does without this capability; null if it is required. */
  readonly without: string | null
  /** Checks it. An error counts as `missing`. */
  try(scratch: ScratchBucket): Promise<Finding>
}

export const ok = (remark = ''): Finding => ({ result: 'ok', remark })
export const differs = (remark: string): Finding => ({ result: 'differs', remark })
export const missing = (remark: string): Finding => ({ result: 'missing', remark })
export const skipped = (remark: string): Finding => ({ result: 'skipped', remark })
