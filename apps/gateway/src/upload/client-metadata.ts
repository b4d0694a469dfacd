import { AirlockError, KiB } from '@airlock/domain'

/** What a caller ties to an upload and gets back unchanged. */
export type ClientMetadata = Readonly<Record<string, string | number | boolean>>

const maxBytes = 4 * KiB

const expected = {
  shape: 'a JSON object of at most 4 KiB whose values are strings, numbers or booleans',
  text: 'JSON whose texts are valid Unicode and hold no NUL',
  names: 'JSON that gives no name twice',
  number: 'JSON whose numbers fit into 64 bits of floating point; write longer ones as strings',
}

const malformed = (rule: keyof typeof expected): AirlockError =>
  new AirlockError('field_malformed', { field: 'metadata', expected: expected[rule] })

/** @throws AirlockError `field_malformed` for whatever would not come back as it is */
export function parseClientMetadata(text: string): ClientMetadata {
  if (Buffer.byteLength(text) > maxBytes) throw malformed('shape')
  const metadata = keepable(parsed(text))
  if (namesIn(text) !== Object.keys(metadata).length) throw malformed('names')
  return metadata
}

/**
 * The metadata in a JSON body, which counts without the spaces that its sender may have put between.
 *
 * @param value from `exactJson`
 * @throws AirlockError `field_malformed`
 */
export function clientMetadata(value: unknown): ClientMetadata {
  if (Buffer.byteLength(JSON.stringify(value)) > maxBytes) throw malformed('shape')
  return keepable(value)
}

function keepable(value: unknown): ClientMetadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('shape')
  const entries = Object.entries(value)
  if (!entries.every(([, entry]) => ['string', 'number', 'boolean'].includes(typeof entry))) throw malformed('shape')
  // Postgres keeps neither in jsonb
  if (!entries.flat().every((part) => typeof part !== 'string' || (part.isWellFormed() && !part.includes('\0')))) throw malformed('text')
  return value as ClientMetadata
}

function parsed(text: string): unknown {
  try {
    return exactJson(text)
  } catch (error) {
    throw error instanceof AirlockError ? error : malformed('shape')
  }
}

/**
 * Parses JSON whose numbers all come back as they were written; in what we take, only metadata holds any.
 *
 * @throws AirlockError `field_malformed` for a number that would not; whatever `JSON.parse` throws
 */
export function exactJson(text: string): unknown {
  return JSON.parse(text, (_key, value, context?: { source?: string }) => {
    if (typeof value === 'number' && significant(String(value)) !== significant(context?.source ?? '')) throw malformed('number')
    return value
  })
}

/**
 * How many names an object of JSON without others in it gives. Of a name that is given twice, a parser keeps one.
 *
 * A text that does not end is matched up to the end, so that no later quote is tried as the beginning of one.
 */
const namesIn = (json: string): number =>
  [...json.matchAll(/"(?:[^"\\]|\\[\s\S]?)*(?:"\s*(:)?|$)/g)].filter(([, colon]) => colon === ':').length

/** The digits of a number that count, and the place of the last of them: two ways to write a number agree in both. */
function significant(written: string): string {
  const [, sign = '', whole = '', part = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(written) ?? []
  const digits = (whole + part).replace(/^0+/, '')
  const kept = digits.slice(0, lengthWithoutZeros(digits))
  return kept === '' ? '0' : `${sign}${kept}e${Number(exponent) - part.length + digits.length - kept.length}`
}

/** Where the zeros at the end of a number begin. A pattern would try each run of zeros in a long number anew. */
function lengthWithoutZeros(digits: string): number {
  let length = digits.length
  while (digits[length - 1] === '0') length--
  return length
}
