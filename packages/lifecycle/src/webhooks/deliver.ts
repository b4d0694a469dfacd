import type { Database, Delivery } from '@airlock/database'
import type { Log } from '../log.ts'
import type { Endpoint } from './endpoint.ts'
import { messageOf } from './message.ts'
import type { PostOptions } from './post.ts'
import { retryInMs } from './retry.ts'
import { sendSigned } from './send-signed.ts'

export interface DeliverOptions extends PostOptions {
  /** For so long after the first failure it is tried again. */
  readonly giveUpAfterSeconds: number
  /** The wait behind the first failure; it grows. */
  readonly firstRetryMs: number
}

export interface DeliverDeps {
  webhooks: Pick<Database['webhooks'], 'delivered' | 'failed'>
  log: Log
}

/** `lost`: another attempt was made meanwhile, or the attempt was broken off; nothing is known of its end. */
export type DeliveryOutcome = 'delivered' | 'failed' | 'dead' | 'lost'

/** By this status an endpoint says that it wants no more. */
const gone = 410

/**
 * Makes one attempt to tell an endpoint of an event, and writes down how it ended.
 *
 * We may die after any line: then the lease of the delivery ends, and it is made again, with the same `webhook-id`.
 *
 * @throws DatabaseUnavailable when the end can't be written down; then as well it is made again
 */
export async function deliver(
  delivery: Delivery,
  endpoint: Endpoint,
  options: DeliverOptions,
  { webhooks, log }: DeliverDeps,
): Promise<DeliveryOutcome> {
  const { event, attempt } = delivery
  const begun = performance.now()
  const { reason, final, retryAfterMs } = await tell(delivery, endpoint, options)
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
      log.warn({ ...fields, reason, retryInMs: wait }, 'event not delivered yet, will be tried again')
      return 'failed'
    case 'dead':
      log.error({ ...fields, reason }, 'event not delivered, given up until an operator replays it')
      return 'dead'
    default:
      return 'lost'
  }
}

interface Told {
  /** Why the endpoint did not take it; null when it did. */
  readonly reason: string | null
  /** It is of no use to try again. */
  readonly final: boolean
  readonly retryAfterMs: number | null
}

/** An attempt is dated by the clock of Postgres, as all that matters: a worker whose clock is wrong is believed all the same. */
async function tell({ event, at }: Delivery, endpoint: Endpoint, options: PostOptions): Promise<Told> {
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
