import { AirlockError, KiB } from '@airlock/domain'

/** Metadata that a caller attaches to an upload and gets back unchanged. */
export type ClientMetadata = Readonly<Record<string, string | number | boolean>>

const maxBytes = 4 * KiB

const expected = {
  shape: 'a JSON object of at most 4 KiB whose values are strings, numbers or booleans',
  text: 'JSON whose strings are valid Unicode without NUL',
  names: 'JSON without duplicate names',
  number: 'JSON whose numbers are exact as 64-bit floating point; write longer ones as strings',
}

const malformed = (rule: keyof typeof expected): AirlockError =>
  new AirlockError('field_malformed', { field: 'metadata', expected: expected[rule] })

/** @throws AirlockError `field_malformed` for a text that could not be returned unchanged */
export function parseClientMetadata(text: string): ClientMetadata {
  if (Buffer.byteLength(text) > maxBytes) throw malformed('shape')
  const metadata = storable(parsed(text))
  if (namesIn(text) !== Object.keys(metadata).length) throw malformed('names')
  return metadata
}

/**
 * The metadata in a JSON body. Its size is measured without insignificant whitespace.
 *
 * @param value from `exactJson`
 * @throws AirlockError `field_malformed`
 */
export function clientMetadata(value: unknown): ClientMetadata {
  if (Buffer.byteLength(JSON.stringify(value)) > maxBytes) throw malformed('shape')
  return storable(value)
}

function storable(value: unknown): ClientMetadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('shape')
  const entries = Object.entries(value)
  if (!entries.every(([, entry]) => ['string', 'number', 'boolean'].includes(typeof entry))) throw malformed('shape')
  // jsonb can store neither
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
 * Parses JSON and requires that every number keeps its written value; of the fields that Airlock accepts, only metadata holds numbers.
 *
 * @throws AirlockError `field_malformed` for a number that does not; the errors of `JSON.parse`
 */
export function exactJson(text: string): unknown {
  return JSON.parse(text, (_key, value, context?: { source?: string }) => {
    if (typeof value === 'number' && significant(String(value)) !== significant(context?.source ?? '')) throw malformed('number')
    return value
  })
}

/**
 * The number of names in a flat JSON object, counting duplicates, of which a parser keeps one.
 *
 * An unterminated string is matched up to the end, so that no later quote is tried as the start of one.
 */
const namesIn = (json: string): number =>
  [...json.matchAll(/"(?:[^"\\]|\\[\s\S]?)*(?:"\s*(:)?|$)/g)].filter(([, colon]) => colon === ':').length

/** The significant digits of a number and the exponent of the last one: equal for all notations of the same number. */
function significant(written: string): string {
  const [, sign = '', whole = '', part = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(written) ?? []
  const digits = (whole + part).replace(/^0+/, '')
  const kept = digits.slice(0, lengthWithoutZeros(digits))
  return kept === '' ? '0' : `${sign}${kept}e${Number(exponent) - part.length + digits.length - kept.length}`
}

/** The length without trailing zeros. A pattern would backtrack over each run of zeros in a long number. */
function lengthWithoutZeros(digits: string): number {
  let length = digits.length
  while (digits[length - 1] === '0') length--
  return length
}
