import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'

export interface RemoteKeysOptions {
  /** The longest that one fetch may take, in ms. */
  timeoutMs?: number
  /** How long fetched keys are used without a look, in ms. */
  freshForMs?: number
  /** How long keys are used on while their server is away, in ms. A key that was withdrawn meanwhile lives on for so long. */
  staleForMs?: number
  /** How long a failed fetch is not tried again, in ms. */
  restMs?: number
}

/** An unknown `kid` makes us look for new keys at most so often, in ms: nobody makes us flood the key server with made-up ids. */
const unknownKeyLookMs = 60_000

/** The key server does not answer, or not with keys. Nothing is known about the token. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable'
}

/**
 * The public keys of a JWKS address (RFC 7517), fetched when they are first needed, kept, and looked for again when a token names an
 * unknown one. The address is ours by configuration: what a token says of its own keys (`jku`, `jwk`, `x5u`) is never asked.
 *
 * @throws KeysUnavailable by the returned function, at once while a failed fetch is still recent
 */
export function remoteKeys(
  url: string,
  { timeoutMs = 3000, freshForMs = 600_000, staleForMs = 3_600_000, restMs = 5000 }: RemoteKeysOptions = {},
): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), { timeoutDuration: timeoutMs, cooldownDuration: unknownKeyLookMs, cacheMaxAge: freshForMs })
  let failure: { at: number; cause: unknown } | null = null
  let fetchedAt = Number.NEGATIVE_INFINITY

  return async (header, token) => {
    const resting = failure !== null && performance.now() < failure.at + restMs
    try {
      if (resting && !keys.fresh) throw failure?.cause
      const wasFresh = keys.fresh
      const key = await keys(header, token)
      if (!wasFresh) fetchedAt = performance.now()
      failure = null
      return key
    } catch (cause) {
      if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys) throw cause
      if (cause instanceof errors.JOSENotSupported) throw cause
      if (!resting) failure = { at: performance.now(), cause }
      const known = keys.jwks()
      if (known !== undefined && performance.now() < fetchedAt + freshForMs + staleForMs) {
        const old = await createLocalJWKSet(known)(header, token).catch(() => null)
        if (old !== null) return old
      }
      throw new KeysUnavailable('the key server does not answer with keys', { cause })
    }
  }
}
