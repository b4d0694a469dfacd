import { createHash } from 'node:crypto'

/** Somebody who is told of events. */
export interface Endpoint {
  /** What it is called in the record, in the log and in figures. */
  readonly name: string
  readonly url: string
  /** Each signs. */
  readonly secrets: readonly string[]
}

/**
 * An endpoint by its host and a few digits that its URL decides: the rest of a URL may hold a secret. Who has the same URL with another
 * password goes on where it was; with another path or query it is another endpoint.
 */
export function endpointOf({ url, secrets }: Omit<Endpoint, 'name'>): Endpoint {
  const named = new URL(url)
  named.username = ''
  named.password = ''
  const digits = createHash('sha256').update(named.href).digest('hex').slice(0, 8)
  return { name: `${named.host}#${digits}`, url, secrets }
}
