import type { ScratchBucket } from './scratch-bucket.ts'

/** `ok`: as Amazon S3 does it. `differs`: there, but not the same. `missing`: not there. `skipped`: could not be tried here. */
export type Result = 'ok' | 'differs' | 'missing' | 'skipped'

export interface Finding {
  readonly result: Result
  readonly remark: string
}

/** One thing that Airlock uses, or could use. */
export interface Check {
  readonly capability: string
  /** What Airlock does where the store has it not; null where Airlock can't do without. */
  readonly without: string | null
  /** Tries it. What it throws is taken for `missing`. */
  try(scratch: ScratchBucket): Promise<Finding>
}

export const ok = (remark = ''): Finding => ({ result: 'ok', remark })
export const differs = (remark: string): Finding => ({ result: 'differs', remark })
export const missing = (remark: string): Finding => ({ result: 'missing', remark })
export const skipped = (remark: string): Finding => ({ result: 'skipped', remark })
