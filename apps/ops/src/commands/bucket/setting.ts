import type { S3Client } from '@aws-sdk/client-s3'
import { inShort, type S3Target, statusOf } from '../probe/s3-target.ts'

/** What the settings of a bucket are worked out from. */
export interface BucketContext {
  readonly client: S3Client
  readonly bucket: string
  readonly target: S3Target
  readonly encryption: 'AES256' | 'aws:kms' | 'none'
  readonly kmsKeyId: string | null
}

/** How a setting stands. */
export type State =
  | { readonly is: 'ok'; readonly remark: string }
  /** `change` adds what is wanted to what is there; null where a person has to decide. */
  | { readonly is: 'differs'; readonly remark: string; readonly change: (() => Promise<void>) | null }
  /** Makes no sense on this store. */
  | { readonly is: 'not supported by this store'; readonly remark: string }

/** One setting that Airlock wants its bucket to have. */
export interface Setting {
  readonly name: string
  read(context: BucketContext): Promise<State>
}

export type Outcome = 'ok' | 'set' | 'differs' | 'not supported by this store' | 'failed'

export interface Line {
  readonly setting: string
  readonly outcome: Outcome
  readonly remark: string
}

/**
 * Looks at a setting, and brings it about where `apply` says so. Never throws: the other settings are to be looked at as well.
 *
 * What was set is read again, since there are stores that take a setting and do not keep it.
 */
export async function settle(setting: Setting, context: BucketContext, { apply }: { apply: boolean }): Promise<Line> {
  try {
    const { outcome, remark } = await outcomeOf(setting, context, apply)
    return { setting: setting.name, outcome, remark }
  } catch (error) {
    const outcome = isNotSupported(error) ? 'not supported by this store' : 'failed'
    return { setting: setting.name, outcome, remark: inShort(error) }
  }
}

async function outcomeOf({ read }: Setting, context: BucketContext, apply: boolean): Promise<Omit<Line, 'setting'>> {
  const before = await read(context)
  if (before.is !== 'differs' || before.change === null || !apply) return { outcome: before.is, remark: before.remark }
  await before.change()
  const after = await read(context)
  if (after.is === 'ok') return { outcome: 'set', remark: after.remark }
  return { outcome: 'not supported by this store', remark: 'it takes the setting, and does not keep it' }
}

/** `MethodNotAllowed`: how some stores say "not implemented". */
const isNotSupported = (error: unknown): boolean => statusOf(error) === 501 || statusOf(error) === 405

/**
 * What a store says of a setting that nobody made, told from real errors.
 *
 * @param codes of "there is none"
 */
export async function orNull<T>(asking: Promise<T>, ...codes: readonly string[]): Promise<T | null> {
  return asking.catch((error: { name?: string }) => {
    if (codes.includes(error.name ?? '')) return null
    throw error
  })
}
