import type { S3Client } from '@aws-sdk/client-s3'
import { briefly, httpStatusOf, type S3Target } from '../probe/s3-target.ts'

/** The inputs of the settings. */
export interface BucketContext {
  readonly client: S3Client
  readonly bucket: string
  readonly target: S3Target
  readonly encryption: 'AES256' | 'aws:kms' | 'none'
  readonly kmsKeyId: string | null
  /** The origins of pages that may send direct uploads. */
  readonly corsOrigins: readonly string[]
}

/** The state of a setting. */
export type State =
  | { readonly is: 'ok'; readonly remark: string }
  /** `change` adds the setting to the existing ones; null if an operator must decide. */
  | { readonly is: 'differs'; readonly remark: string; readonly change: (() => Promise<void>) | null }
  /** Not applicable to this store. */
  | { readonly is: 'not supported by this store'; readonly remark: string }

/** One setting of the bucket. */
export interface Setting {
  readonly name: string
  read(context: BucketContext): Promise<State>
}

type Outcome = 'ok' | 'set' | 'differs' | 'not supported by this store' | 'failed'

export interface Line {
  readonly setting: string
  readonly outcome: Outcome
  readonly remark: string
}

/**
 * Checks a setting, and changes it if `apply` is set. Never throws, so that the other settings are checked as well.
 *
 * A changed setting is read again, since some stores accept a setting and do not keep it.
 */
export async function settle(setting: Setting, context: BucketContext, { apply }: { apply: boolean }): Promise<Line> {
  try {
    const { outcome, remark } = await outcomeOf(setting, context, apply)
    return { setting: setting.name, outcome, remark }
  } catch (error) {
    const outcome = isNotSupported(error) ? 'not supported by this store' : 'failed'
    return { setting: setting.name, outcome, remark: briefly(error) }
  }
}

async function outcomeOf({ read }: Setting, context: BucketContext, apply: boolean): Promise<Omit<Line, 'setting'>> {
  const before = await read(context)
  if (before.is !== 'differs' || before.change === null || !apply) return { outcome: before.is, remark: before.remark }
  await before.change()
  const after = await read(context)
  if (after.is === 'ok') return { outcome: 'set', remark: after.remark }
  return { outcome: 'not supported by this store', remark: 'it accepts the setting but does not keep it' }
}

/** 405 `MethodNotAllowed` is what some stores return for "not implemented". */
const isNotSupported = (error: unknown): boolean => httpStatusOf(error) === 501 || httpStatusOf(error) === 405

/**
 * Reads a setting that may not exist.
 *
 * @param codes the error codes for a missing setting
 */
export async function orNull<T>(reading: Promise<T>, ...codes: readonly string[]): Promise<T | null> {
  return reading.catch((error: { name?: string }) => {
    if (codes.includes(error.name ?? '')) return null
    throw error
  })
}
