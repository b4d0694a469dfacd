import { sendSigned, type ToldEvent } from '@airlock/lifecycle'

export interface ForwardOptions {
  readonly to: string
  readonly secret: string
  readonly signal: AbortSignal
}

/** As Airlock itself waits for an endpoint. */
const timeoutMs = 10_000

/**
 * Sends an event as Airlock sends it to an endpoint: the same body, the same headers.
 *
 * @returns a line that says what came back
 */
export async function forward(event: ToldEvent, { to, secret, signal }: ForwardOptions): Promise<string> {
  const { event_id: id } = event.data
  const begun = performance.now()
  const message = { id, body: JSON.stringify(event) }
  const sent = sendSigned({ url: to, secrets: [secret] }, message, { mayCall: () => true, timeoutMs, signal })
  const answer = await sent.catch((error: Error) => error.message)
  return `${event.timestamp} ${event.type} ${id} → ${answer} in ${Math.round(performance.now() - begun)} ms`
}
