import { createLocalJWKSet, createRemoteJWKSet, errors, type JWKSCacheInput, type JWTVerifyGetKey, jwksCache } from 'jose'

export interface RemoteKeysOptions {
  /** Timeout of one fetch, in ms. */
  timeoutMs?: number
  /** How long fetched keys are used without another fetch, in ms. */
  freshForMs?: number
  /** How much longer keys are used while their server is unavailable, in ms. A key revoked meanwhile remains valid for that time. */
  staleForMs?: number
  /** How long a failed fetch is not repeated, in ms. */
  restMs?: number
}

/** Minimum interval between fetches caused by an unknown `kid`, in ms, so that made-up ids cannot flood the key server. */
const unknownKeyFetchMs = 60_000

/** The key server does not respond, or its response contains no keys, so the token can be neither verified nor refused. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable'
}

/** Finds the key of a token. */
export interface RemoteKeys extends JWTVerifyGetKey {
  /** Identifies the keys in use, another object after each fetch. Null: they have to be fetched first, or again. */
  keySet?(): object | null
}

/**
 * The public keys of a JWKS URL (RFC 7517), fetched on first use, cached, and fetched again when a token names an unknown one. The URL comes
 * from the configuration; key references in a token (`jku`, `jwk`, `x5u`) are ignored.
 *
 * @throws KeysUnavailable from the returned function, at once while a failed fetch is recent
 */
export function remoteKeys(
  url: string,
  { timeoutMs = 3000, freshForMs = 600_000, staleForMs = 3_600_000, restMs = 5000 }: RemoteKeysOptions = {},
): RemoteKeys {
  const cache: JWKSCacheInput = {}
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: unknownKeyFetchMs,
    cacheMaxAge: freshForMs,
    [jwksCache]: cache,
  })
  let failure: { at: number; cause: unknown } | null = null
  let fetchedAt = Number.NEGATIVE_INFINITY

  const find: JWTVerifyGetKey = async (header, token) => {
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
      throw new KeysUnavailable('the key server did not return keys', { cause })
    }
  }
  return Object.assign(find, { keySet: () => (keys.fresh ? (cache.jwks ?? null) : null) })
}
