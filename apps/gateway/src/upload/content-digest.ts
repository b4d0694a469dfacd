import { AirlockError } from '@airlock/domain'

/**
 * The SHA-256 that a client expects of its file, out of a part's `Content-Digest` (RFC 9530): `sha-256=:base64:`. Other algorithms beside
 * it are left alone, as the RFC asks.
 *
 * @returns 64 hexadecimal digits, or null when the client expects none
 * @throws AirlockError `digest_malformed`, also for two that differ
 */
export function expectedHash(header: readonly string[] | undefined, filename: string): string | null {
  const expected = new Set<string>()
  for (const member of (header ?? []).join(',').split(',')) {
    const sign = member.indexOf('=')
    const [algorithm, value] = sign < 0 ? [member, ''] : [member.slice(0, sign), member.slice(sign + 1)]
    if (algorithm.trim().toLowerCase() !== 'sha-256') continue
    const base64 = /^:([A-Za-z0-9+/]{43}=):$/.exec(value.trim())?.[1]
    if (base64 === undefined) throw new AirlockError('digest_malformed', { filename })
    expected.add(Buffer.from(base64, 'base64').toString('hex'))
  }
  if (expected.size > 1) throw new AirlockError('digest_malformed', { filename })
  return expected.values().next().value ?? null
}
