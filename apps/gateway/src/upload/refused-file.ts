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

/** The name stays as its client wrote it, but for NUL: the answer of a repeatable request is kept as jsonb, which takes none. */
export function refusedFile(index: number, filename: string | null, error: AirlockError): RefusedFile {
  const retry = error instanceof FileLimitReached ? { retryAfterSeconds: error.retryAfterSeconds } : {}
  return { index, filename: filename?.replaceAll('\0', '\u{fffd}') ?? null, status: error.status, ...asRefusal(error), ...retry }
}
