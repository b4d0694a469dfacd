import type { Endpoint } from './endpoint.ts'
import { type PostOptions, post } from './post.ts'
import { signed } from './signature.ts'

/**
 * Makes one attempt to tell an endpoint something.
 *
 * @param message.id the same for each attempt
 * @returns the status of its answer
 * @throws as `post`
 */
export async function sendSigned(
  { url, secrets }: Omit<Endpoint, 'name'>,
  message: { id: string; body: string },
  options: PostOptions,
): Promise<number> {
  const headers = { 'content-type': 'application/json', 'user-agent': 'Airlock', ...signed({ ...message, at: new Date() }, secrets) }
  return post(url, headers, message.body, options)
}
