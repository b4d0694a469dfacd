import type { Endpoint } from './endpoint.ts'
import { type Answer, type PostOptions, post } from './post.ts'
import { signed } from './signature.ts'

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
  const headers = { 'content-type': 'application/json', 'user-agent': 'Airlock', ...signed(message, secrets) }
  return post(url, headers, message.body, options)
}
