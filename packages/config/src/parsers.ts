/**
 * Reads one value. Returns it, or throws `BadValue` with what would be right, so that the message can say
 * `PORT is 'abc': a whole number from 0 to 65535`.
 */
export type Parser<T> = (text: string) => T

/** The value can't be used; the message says what could. */
export class BadValue extends Error {
  override name = 'BadValue'
}

export const text: Parser<string> = (value) => value

/** A whole number within bounds, both included. */
export const wholeNumber =
  (min: number, max: number): Parser<number> =>
  (value) => {
    const number = Number(value)
    if (!/^\d+$/.test(value) || number < min || number > max) throw new BadValue(`a whole number from ${min} to ${max}`)
    return number
  }

export const yesOrNo: Parser<boolean> = (value) => {
  if (value === 'true') return true
  if (value === 'false') return false
  throw new BadValue('true or false')
}

export const oneOf =
  <const T extends string>(...allowed: readonly T[]): Parser<T> =>
  (value) => {
    const found = allowed.find((choice) => choice === value)
    if (found === undefined) throw new BadValue(`one of ${allowed.join(', ')}`)
    return found
  }

/** Several of a fixed set, separated by commas, each once. */
export const someOf =
  <const T extends string>(...allowed: readonly T[]): Parser<readonly T[]> =>
  (value) => {
    const chosen = value.split(',').map((part) => oneOf(...allowed)(part.trim()))
    return [...new Set(chosen)]
  }

/** A URL with one of the given schemes. Its text stays out of error messages: it may hold a password. */
export const url =
  (...schemes: readonly string[]): Parser<string> =>
  (value) => {
    const wanted = `a URL with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`
    if (!URL.canParse(value) || !schemes.includes(new URL(value).protocol.slice(0, -1))) throw new BadValue(wanted)
    return value
  }

/** The bucket naming rules of S3 that every store shares: 3–63 lower-case letters, digits, dots and hyphens. */
export const bucketName: Parser<string> = (value) => {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(value)) throw new BadValue('3 to 63 lower-case letters, digits, dots and hyphens')
  return value
}

export const minSecretBytes = 32

/** One or more HMAC secrets, separated by commas: the first signs, all verify (rotation). At least 32 bytes each (RFC 7518, section 3.2). */
export const secrets: Parser<readonly string[]> = (value) => {
  const all = value.split(',').map((secret) => secret.trim())
  const shortest = Math.min(...all.map((secret) => Buffer.byteLength(secret)))
  if (shortest < minSecretBytes) throw new BadValue(`at least ${minSecretBytes} bytes, it has ${shortest} (openssl rand -base64 48)`)
  return all
}
