import { createHash } from 'node:crypto'

/** A receiver of webhooks. */
export interface Endpoint {
  /** Its name in the database, in logs and in metrics. */
  readonly name: string
  readonly url: string
  /** Each one signs every message. */
  readonly secrets: readonly string[]
}

/**
 * Names an endpoint by its host and a short hash of its URL, because the rest of a URL may contain a secret. Another password in the URL does not
 * change the name; another path or query makes another endpoint.
 */
export function endpointOf({ url, secrets }: Omit<Endpoint, 'name'>): Endpoint {
  const named = new URL(url)
  named.username = ''
  named.password = ''
  const digits = createHash('sha256').update(named.href).digest('hex').slice(0, 8)
  return { name: `${named.host}#${digits}`, url, secrets }
}
