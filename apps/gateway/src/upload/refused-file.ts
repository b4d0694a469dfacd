import { type AirlockError, asRefusal, type Refusal } from '@airlock/domain'
import { FileLimitReached } from '@airlock/lifecycle'

/** A file that was not accepted: its index in the form, from 0, and the reason. Its name is null if it was not read. */
export interface RefusedFile extends Refusal {
  readonly index: number
  readonly filename: string | null
  readonly status: number
  /** Only if the hourly limit was the reason. */
  readonly retryAfterSeconds?: number
}

/** The name stays as sent except for NUL: responses of idempotent requests are stored as jsonb, which cannot contain it. */
export function refusedFile(index: number, filename: string | null, error: AirlockError): RefusedFile {
  const retry = error instanceof FileLimitReached ? { retryAfterSeconds: error.retryAfterSeconds } : {}
  return { index, filename: filename?.replaceAll('\0', '\u{fffd}') ?? null, status: error.status, ...asRefusal(error), ...retry }
}
