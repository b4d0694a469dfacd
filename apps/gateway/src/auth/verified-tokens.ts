import { hash } from 'node:crypto'
import type { Caller } from './caller.ts'

export interface Verified {
  readonly caller: Caller
  /** Whether the keys that verified the token are still in use. */
  isCurrent(): boolean
}

/** How many tokens are remembered; then the oldest is forgotten. */
const maxTokens = 10_000

/**
 * Remembers verified tokens, because clients send the same one with each request, and verifying a signature takes longer than the rest of a short
 * request.
 *
 * Only valid tokens are remembered, by the hash of the whole token, until they expire, and only for as long as the key set that verified them is in
 * use: a token whose key was revoked is refused as early as without this cache.
 */
export class VerifiedTokens {
  readonly #verified = new Map<string, Verified>()
  readonly #max: number

  constructor(max = maxTokens) {
    this.#max = max
  }

  /** @returns the caller of the token, or what `verify` returns or throws */
  async callerOf(token: string, verify: () => Promise<Verified>): Promise<Caller> {
    // the hash, so that no token lies in memory for longer than its request
    const key = hash('sha256', token, 'base64')
    const known = this.#verified.get(key)
    if (known !== undefined && isValid(known)) return known.caller
    this.#verified.delete(key)
    const verified = await verify()
    if (isValid(verified)) this.#remember(key, verified)
    return verified.caller
  }

  #remember(key: string, verified: Verified): void {
    this.#verified.set(key, verified)
    if (this.#verified.size > this.#max) this.#verified.delete(this.#verified.keys().next().value ?? '')
  }
}

const isValid = ({ caller, isCurrent }: Verified): boolean => Date.now() < caller.expiresAtMs && isCurrent()
