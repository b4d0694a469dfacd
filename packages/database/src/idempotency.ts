import { randomUUID } from 'node:crypto'
import { IdempotencyKey } from './entities/idempotency-key.ts'
import type { Session, Sessions, Transaction } from './sessions.ts'
import type { UploadRecord } from './uploads/record.ts'

/** The lease of a request expired and another one took it over, or it already has a response. The database was not changed. */
export class IdempotencyLeaseLost extends Error {
  constructor({ userId, key }: { userId: string; key: string }) {
    super(`Request '${key}' of user ${userId} was taken over`)
    this.name = 'IdempotencyLeaseLost'
  }
}

/** The lease to process a request and store its response. */
export interface IdempotencyToken {
  readonly userId: string
  readonly key: string
  /** The fencing token: it changes whenever the request is taken over. */
  readonly token: string
}

export type Beginning =
  /** The request was taken: process it, and renew the lease until `accept` or `release`. */
  | { readonly outcome: 'mine'; readonly token: IdempotencyToken }
  /** Another process has the lease, which expires after this time unless it is renewed. */
  | { readonly outcome: 'in_flight'; readonly retryAfterSeconds: number }
  /** The request has a response. The fingerprint shows whether it was the same request. */
  | { readonly outcome: 'done'; readonly fingerprint: string; readonly answer: unknown }

/** Repeatable requests, by user and `Idempotency-Key`. `uploads.accept` stores their responses. */
export interface IdempotencyRepository {
  /**
   * Takes a request, or returns its current state. Of concurrent calls, one takes it. Expired leases and expired responses are ignored.
   *
   * @param key 1 to 255 characters
   * @param keepHours how long the response is kept, from acceptance
   */
  begin(request: { userId: string; key: string; leaseSeconds: number; keepHours: number }): Promise<Beginning>
  /** Extends the lease to `leaseSeconds` from now. @returns false when the lease was lost */
  renew(token: IdempotencyToken, leaseSeconds: number): Promise<boolean>
  /** Deletes a request that was not accepted: refusals are not stored. @returns false when the lease was lost, or it has a response */
  release(token: IdempotencyToken): Promise<boolean>
  /** Removes at most `limit` expired rows. @returns how many it removed */
  prune(limit: number): Promise<number>
}

export const idempotencyRepository = (sessions: Sessions): IdempotencyRepository => {
  const count = async (sql: string, parameters: readonly unknown[]) => {
    const rows = await sessions.run((session) => session.rows(sql, parameters))
    return rows.length
  }
  return {
    begin: (request) => sessions.run((session) => begin(session, request)),
    renew: async ({ userId, key, token }, leaseSeconds) => (await count(renew, [userId, key, token, leaseSeconds])) === 1,
    release: async ({ userId, key, token }) => {
      const mine = { userId, key, token, state: 'in_flight' as const }
      return (await sessions.run(({ entities }) => entities.delete(IdempotencyKey, mine))).affected === 1
    },
    prune: (limit) => count(prune, [limit]),
  }
}

/** How often to try when the row was deleted between the attempt to take it and reading its state. */
const maxTries = 3

async function begin(
  { rows }: Session,
  { userId, key, leaseSeconds, keepHours }: { userId: string; key: string; leaseSeconds: number; keepHours: number },
): Promise<Beginning> {
  const token = randomUUID()
  for (let tries = 0; tries < maxTries; tries += 1) {
    const taken = await rows(take, [userId, key, token, leaseSeconds, keepHours])
    if (taken.length === 1) return { outcome: 'mine', token: { userId, key, token } }
    const [other] = await rows(current, [userId, key])
    if (other !== undefined) return asBeginning(other as unknown as CurrentState)
  }
  return { outcome: 'in_flight', retryAfterSeconds: 1 }
}

interface CurrentState {
  readonly state: 'in_flight' | 'done'
  readonly fingerprint: string
  readonly answer: unknown
  readonly lease_ends_in: number
}

const asBeginning = ({ state, fingerprint, answer, lease_ends_in }: CurrentState): Beginning =>
  state === 'done' ? { outcome: 'done', fingerprint, answer } : { outcome: 'in_flight', retryAfterSeconds: Math.max(1, lease_ends_in) }

const free = (row: string) => `
  ((${row}.state = 'done' and ${row}.expires_at <= now()) or (${row}.state = 'in_flight' and ${row}.lease_until <= now()))`

const take = `
  insert into idempotency_keys as known (user_id, key, token, lease_until, expires_at)
  values ($1, $2, $3, now() + make_interval(secs => $4), now() + make_interval(secs => $5::float8 * 3600))
  on conflict (user_id, key) do update set
    token = excluded.token, state = 'in_flight', fingerprint = null, answer = null, upload_ids = '{}',
    lease_until = excluded.lease_until, created_at = excluded.created_at, expires_at = excluded.expires_at
  where ${free('known')}
  returning token`

const current = `
  select state, fingerprint, answer, ceil(extract(epoch from lease_until - now()))::integer as lease_ends_in
  from idempotency_keys where user_id = $1 and key = $2`

const renew = `
  update idempotency_keys set lease_until = now() + make_interval(secs => $4)
  where user_id = $1 and key = $2 and token = $3 and state = 'in_flight'
  returning key`

const prune = `
  delete from idempotency_keys where (user_id, key) in (
    select user_id, key from idempotency_keys known where expires_at <= now() and ${free('known')}
    order by expires_at limit $1 for update skip locked)
  returning key`

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
