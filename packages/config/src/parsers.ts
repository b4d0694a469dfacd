import { isIP } from 'node:net'

/**
 * Parses one value. Throws `BadValue` with a description of valid values, so that the message can say
 * `PORT is 'abc': a whole number from 0 to 65535`.
 */
export type Parser<T> = (text: string) => T

/** The value is invalid; the message describes valid values. */
export class BadValue extends Error {
  override name = 'BadValue'
}

export const text: Parser<string> = (value) => value

/** A whole number from `min` to `max`, both included. */
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

/** Values of a fixed set, separated by commas; duplicates are removed. */
export const someOf =
  <const T extends string>(...allowed: readonly T[]): Parser<readonly T[]> =>
  (value) => {
    const chosen = value.split(',').map((part) => oneOf(...allowed)(part.trim()))
    return [...new Set(chosen)]
  }

/** A URL with one of the given schemes. Error messages do not contain it: it may hold a password. */
export const url =
  (...schemes: readonly string[]): Parser<string> =>
  (value) => {
    const wanted = `a URL with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`
    if (!URL.canParse(value) || !schemes.includes(new URL(value).protocol.slice(0, -1))) throw new BadValue(wanted)
    return value
  }

/** Origins as browsers send them, separated by commas: scheme, host and port, no path. */
export const origins: Parser<readonly string[]> = (value) => {
  const all = value.split(',').map((origin) => origin.trim())
  const wrong = all.find(
    (origin) => !URL.canParse(origin) || !/^https?:$/.test(new URL(origin).protocol) || new URL(origin).origin !== origin,
  )
  if (wrong !== undefined)
    throw new BadValue(`origins like https://app.example.com, separated by commas; '${wrong.slice(0, 80)}' is not an origin`)
  return all
}

const isNetwork = (text: string): boolean => {
  const [address = '', bits, ...more] = text.split('/')
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return most > 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
}

/** The proxies whose X-Forwarded-For is trusted: their number, or their networks separated by commas. Never every sender: anyone can set that header. */
export const proxies: Parser<number | readonly string[]> = (value) => {
  if (/^\d{1,2}$/.test(value) && Number(value) > 0) return Number(value)
  const networks = value.split(',').map((network) => network.trim())
  if (!networks.every(isNetwork)) throw new BadValue('a number of proxies, or networks separated by commas (10.0.0.0/8)')
  return networks
}

/** Bucket names, separated by commas. */
export const bucketNames: Parser<readonly string[]> = (value) => value.split(',').map((name) => bucketName(name.trim()))

/** The bucket naming rules of S3 that every store shares: 3–63 lower-case letters, digits, dots and hyphens. */
export const bucketName: Parser<string> = (value) => {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(value)) throw new BadValue('3 to 63 lower-case letters, digits, dots and hyphens')
  return value
}

const minSecretBytes = 32

/** A key for HMAC with SHA-256, at least 32 bytes (RFC 7518, section 3.2). */
export const secret: Parser<string> = (value) => {
  const bytes = Buffer.byteLength(value)
  if (bytes < minSecretBytes) throw new BadValue(`at least ${minSecretBytes} bytes, it has ${bytes} (openssl rand -base64 48)`)
  return value
}

/** One or more secrets, separated by commas: the first signs, all verify (for rotation). */
export const secrets: Parser<readonly string[]> = (value) => value.split(',').map((one) => secret(one.trim()))

/** One environment variable: its purpose, its valid values, its default. */
export interface Variable<T> {
  /** One line for `.env.example` and the docs. */
  readonly about: string
  readonly parse: Parser<T>
  /** The value when absent, in its written form. `undefined`: the variable is required. */
  readonly default?: string
  /** Used in `.env.example` where there is no default, so that a copy of it works with the compose file. */
  readonly example?: string
  /** Never shown in a message. */
  readonly secret?: true
}

/** For optional settings: empty, or a value that `parser` accepts. */
export const optional =
  <T>(parser: Parser<T>): Parser<T | null> =>
  (value) =>
    value === '' ? null : parser(value)

export const variable = <T>(definition: Variable<T>): Variable<T> => definition
