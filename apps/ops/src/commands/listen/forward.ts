import { type PublishedEvent, sendSigned, systemResolve } from '@airlock/lifecycle'

export interface ForwardOptions {
  readonly to: string
  readonly secret: string
  readonly signal: AbortSignal
}

/** The same timeout as for Airlock's own deliveries. */
const timeoutMs = 10_000

const resolve = systemResolve()

/**
 * Sends an event in the same way as Airlock: the same body, the same headers.
 *
 * @returns a line with the response
 */
export async function forward(event: PublishedEvent, { to, secret, signal }: ForwardOptions): Promise<string> {
  const { event_id: id } = event.data
  const begun = performance.now()
  const message = { id, at: new Date(), body: JSON.stringify(event) }
  const sent = sendSigned({ url: to, secrets: [secret] }, message, { resolve, mayCall: () => true, timeoutMs, signal })
  const answer = await sent.then(
    ({ status }) => status,
    (error: Error) => error.message,
  )
  return `${event.timestamp} ${event.type} ${id} → ${answer} in ${Math.round(performance.now() - begun)} ms`
}
