import { backoffMs } from '@airlock/async'
import type { Database, Delivery } from '@airlock/database'
import type { Log } from '@airlock/domain'
import type { Endpoint } from './endpoint.ts'
import type { PostOptions } from './post.ts'
import { messageOf } from './published-event.ts'
import { sendSigned } from './send-signed.ts'

export interface DeliverOptions extends PostOptions {
  /** How long after the first failure a delivery is retried. */
  readonly giveUpAfterSeconds: number
  /** The wait after the first failure; it grows with each one. */
  readonly firstRetryMs: number
}

export interface DeliverDeps {
  webhooks: Pick<Database['webhooks'], 'delivered' | 'failed'>
  log: Log
}

/** `lost`: another attempt was made in the meantime, or this one was aborted; its result is unknown. */
export type DeliveryOutcome = 'delivered' | 'failed' | 'dead' | 'lost'

/** The status with which an endpoint asks for no further deliveries. */
const gone = 410

/**
 * Makes one attempt to deliver an event to an endpoint, and records the result.
 *
 * We may die after any line: then the lease of the delivery expires, and it is repeated with the same `webhook-id`.
 *
 * @throws DatabaseUnavailable when the result can't be recorded; the delivery is then repeated as well
 */
export async function deliver(
  delivery: Delivery,
  endpoint: Endpoint,
  options: DeliverOptions,
  { webhooks, log }: DeliverDeps,
): Promise<DeliveryOutcome> {
  const { event, attempt } = delivery
  const begun = performance.now()
  const { reason, final, retryAfterMs } = await attemptDelivery(delivery, endpoint, options)
  const ms = Math.round(performance.now() - begun)
  const fields = { endpoint: endpoint.name, eventId: event.id, uploadId: event.uploadId, attempt, ms, step: 'webhook' }
  if (reason === null) {
    await webhooks.delivered(delivery)
    log.info(fields, 'event delivered')
    return 'delivered'
  }
  if (options.signal?.aborted) return 'lost'
  const wait = retryInMs({ attempt, firstMs: options.firstRetryMs, askedForMs: retryAfterMs ?? 0 }, Math.random)
  const giveUpAfterSeconds = final ? 0 : options.giveUpAfterSeconds
  switch (await webhooks.failed(delivery, reason, { retryInMs: wait, giveUpAfterSeconds })) {
    case 'pending':
      log.warn({ ...fields, reason, retryInMs: wait }, 'event not delivered, will be retried')
      return 'failed'
    case 'dead':
      log.error({ ...fields, reason }, 'event not delivered, given up until an operator replays it')
      return 'dead'
    default:
      return 'lost'
  }
}

interface AttemptResult {
  /** Why the delivery failed; null when it succeeded. */
  readonly reason: string | null
  /** Retrying is of no use. */
  readonly final: boolean
  readonly retryAfterMs: number | null
}

/** The message is dated by the clock of Postgres, so that endpoints accept it even if the worker's clock is wrong. */
async function attemptDelivery({ event, at }: Delivery, endpoint: Endpoint, options: PostOptions): Promise<AttemptResult> {
  try {
    const { status, retryAfterMs } = await sendSigned(endpoint, { id: event.id, at, body: messageOf(event) }, options)
    return { reason: problemOf(status), final: status === gone, retryAfterMs }
  } catch (error) {
    return { reason: (error as Error).message, final: false, retryAfterMs: null }
  }
}

function problemOf(status: number): string | null {
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400) return `answered ${status}: redirects are not followed`
  return `answered ${status}`
}

/** The longest wait: a recovered endpoint gets everything within an hour. */
const longestMs = 3_600_000

export interface RetryWish {
  /** The number of the failed attempt, from 1. */
  readonly attempt: number
  readonly firstMs: number
  /** The wait that the endpoint asked for. */
  readonly askedForMs: number
}

/**
 * The wait after a failed attempt: three times the previous one, up to an hour, with jitter in its upper half, so that many events are spread out.
 * Longer if the endpoint asks for it, but at most an hour.
 *
 * @param random from 0 to 1
 */
export function retryInMs({ attempt, firstMs, askedForMs }: RetryWish, random: () => number): number {
  return Math.min(longestMs, Math.max(askedForMs, backoffMs(attempt, { firstMs, maxMs: longestMs, factor: 3 }, random)))
}
