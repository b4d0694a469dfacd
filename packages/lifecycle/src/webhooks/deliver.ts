import type { Database, Delivery } from '@airlock/database'
import type { Log } from '../log.ts'
import type { Endpoint } from './endpoint.ts'
import { messageOf } from './message.ts'
import { type PostOptions, post } from './post.ts'
import { retryInMs } from './retry.ts'
import { signed } from './signature.ts'

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
 * @returns how it ended, and why where it failed
 * @throws DatabaseUnavailable when the outcome can't be written down: the delivery comes again when its lease has ended
 */
export async function deliver(
  delivery: Delivery,
  endpoint: Endpoint,
  options: DeliverOptions,
  { webhooks, log }: DeliverDeps,
): Promise<{ outcome: DeliveryOutcome; error: string | null }> {
  const { event, attempt } = delivery
  const fields = { endpoint: endpoint.name, eventId: event.id, uploadId: event.uploadId, attempt, step: 'webhook' }
  const { error, final } = await tell(delivery, endpoint, options)
  if (error === null) {
    await webhooks.delivered(delivery)
    return { outcome: 'delivered', error }
  }
  if (options.signal?.aborted) return { outcome: 'lost', error }
  const giveUpAfterSeconds = final ? 0 : options.giveUpAfterSeconds
  const wait = retryInMs(attempt, options.firstRetryMs, Math.random)
  const state = await webhooks.failed(delivery, error, { retryInMs: wait, giveUpAfterSeconds })
  if (state === 'dead') log.error({ ...fields, reason: error }, 'event not delivered, given up until an operator replays it')
  return { outcome: state === 'dead' ? 'dead' : state === 'pending' ? 'failed' : 'lost', error }
}

/** @returns why the endpoint did not take it, null when it did; and whether it is of use to try again */
async function tell(
  { event }: Delivery,
  { url, secrets }: Endpoint,
  options: PostOptions,
): Promise<{ error: string | null; final: boolean }> {
  const body = messageOf(event)
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Airlock',
    ...signed({ id: event.id, at: new Date(), body }, secrets),
  }
  try {
    const status = await post(url, headers, body, options)
    return { error: problemOf(status), final: status === gone }
  } catch (error) {
    return { error: reasonOf(error), final: false }
  }
}

function problemOf(status: number): string | null {
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400) return `answered ${status}: redirects are not followed`
  return `answered ${status}`
}

/** A connection that was tried at several addresses fails with an error that has no message of its own. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name)
}
