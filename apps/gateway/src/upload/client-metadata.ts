import { AirlockError, KiB } from '@airlock/domain'

/** What a caller ties to an upload and gets back unchanged. */
export type ClientMetadata = Readonly<Record<string, string | number | boolean>>

const maxBytes = 4 * KiB
const expected = 'a JSON object of at most 4 KiB whose values are strings, numbers or booleans'

/** @throws AirlockError `field_malformed` */
export function parseClientMetadata(text: string): ClientMetadata {
  const malformed = new AirlockError('field_malformed', { field: 'metadata', expected })
  if (Buffer.byteLength(text) > maxBytes || text.includes('\\u0000')) throw malformed
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed
  if (!Object.values(value).every((entry) => ['string', 'number', 'boolean'].includes(typeof entry))) throw malformed
  return value as ClientMetadata
}
