import { AirlockError } from '@airlock/domain'

/**
 * The expected SHA-256 of a file, from its part's `Content-Digest` (RFC 9530): `sha-256=:base64:`. Other algorithms
 * are ignored, as the RFC requires.
 *
 * @returns 64 hexadecimal digits, or null if there is none
 * @throws AirlockError `digest_malformed`, also for two different values
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
