import type { Transaction } from '../transaction.ts'
import type { UploadRecord } from '../uploads/record.ts'
import { IdempotencyLeaseLost } from './errors.ts'
import type { IdempotencyToken } from './repository.ts'

/** The request that accepts may be repeated: its answer is kept in the same transaction. */
export interface RepeatableRequest {
  readonly token: IdempotencyToken
  /** Tells this request from another under the same key. */
  readonly fingerprint: string
  /** What a repetition is answered, as JSON; made of the rows as they are after acceptance. */
  answer(records: readonly UploadRecord[]): unknown
}

/**
 * Keeps the answer of a request in the transaction that accepts its uploads: either both are there, or none.
 * From here on the answer lives as long as was asked for at the beginning.
 *
 * @throws IdempotencyLeaseLost when the request is somebody else's; the transaction must not commit then
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
