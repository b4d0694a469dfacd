import { createHmac } from 'node:crypto'
import type { Endpoint } from './endpoint.ts'
import { type Answer, type PostOptions, post } from './post.ts'

/**
 * Makes one attempt to send a message to an endpoint.
 *
 * @param message.id the same for each attempt
 * @param message.at the time of this attempt
 * @throws as `post`
 */
export async function sendSigned(
  { url, secrets }: Omit<Endpoint, 'name'>,
  message: { id: string; at: Date; body: string },
  options: PostOptions,
): Promise<Answer> {
  const { traceparent } = options
  const trace = traceparent ? { traceparent } : {}
  const headers = { 'content-type': 'application/json', 'user-agent': 'Airlock', ...trace, ...signed(message, secrets) }
  return post(url, headers, message.body, options)
}

export interface SignedHeaders {
  readonly 'webhook-id': string
  readonly 'webhook-timestamp': string
  readonly 'webhook-signature': string
}

/**
 * The headers of the Standard Webhooks specification, which prove to an endpoint that a message is from us and recent.
 *
 * @param message.id the same for each attempt, so that the endpoint detects repetitions
 * @param message.at the time of this attempt
 * @param secrets `whsec_…`; each one signs, so that the endpoint may know any of them
 */
export function signed(message: { id: string; at: Date; body: string }, secrets: readonly string[]): SignedHeaders {
  const timestamp = String(Math.floor(message.at.getTime() / 1000))
  const signature = (secret: string) =>
    createHmac('sha256', keyOf(secret)).update(`${message.id}.${timestamp}.${message.body}`).digest('base64')
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => `v1,${signature(secret)}`).join(' '),
  }
}

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice('whsec_'.length), 'base64')
