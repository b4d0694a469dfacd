import { type AirlockError, asRefusal, type Refusal } from '@airlock/domain'
import { FileLimitReached } from '@airlock/lifecycle'

/** A file of the form that was not accepted: its place in the form, counted from 0, and why. Its name is null where nobody read it. */
export interface RefusedFile extends Refusal {
  readonly index: number
  readonly filename: string | null
  readonly status: number
  /** When the hour's limit was the reason. */
  readonly retryAfterSeconds?: number
}

export function refusedFile(index: number, filename: string | null, error: AirlockError): RefusedFile {
  const retry = error instanceof FileLimitReached ? { retryAfterSeconds: error.retryAfterSeconds } : {}
  return { index, filename, status: error.status, ...asRefusal(error), ...retry }
}
