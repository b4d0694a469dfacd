import type { Transaction } from '../transaction.ts'
import type { UploadRecord } from '../uploads/record.ts'
import { IdempotencyLeaseLost } from './errors.ts'
import type { IdempotencyToken } from './repository.ts'

/** A repeatable request whose response is stored in the transaction that accepts its uploads. */
export interface RepeatableRequest {
  readonly token: IdempotencyToken
  /** Distinguishes this request from another one with the same key. */
  readonly fingerprint: string
  /** The response to a repetition, as JSON, made from the rows after acceptance. */
  answer(records: readonly UploadRecord[]): unknown
}

/**
 * Stores the response of a request in the transaction that accepts its uploads, so that either both are committed or neither.
 * The time for which the response is kept starts now.
 *
 * @throws IdempotencyLeaseLost when the request was taken over; the transaction must not commit then
 */
export async function writeAnswer(
  { rows }: Transaction,
  { token: { userId, key, token }, fingerprint, answer }: RepeatableRequest,
  records: readonly UploadRecord[],
): Promise<void> {
  const ids = records.map(({ id }) => id)
  const written = await rows(write, [userId, key, token, fingerprint, JSON.stringify(answer(records)), ids])
  if (written.length === 0) throw new IdempotencyLeaseLost({ userId, key })
}

const write = `
  update idempotency_keys set
    state = 'done', fingerprint = $4, answer = $5::jsonb, upload_ids = $6::uuid[], expires_at = now() + (expires_at - created_at)
  where user_id = $1 and key = $2 and token = $3 and state = 'in_flight'
  returning key`
