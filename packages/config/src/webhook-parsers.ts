import { BadValue, type Parser } from './parsers.ts'

/** Their messages never contain URLs or secrets. */

/** A comma inside a URL must be written as %2C. */
const separators = /[\s,]+/

const partsOf = (value: string): string[] => value.split(separators).filter((part) => part !== '')

/** @throws BadValue with all problems */
function throwIfAny(problems: readonly string[]): void {
  if (problems.length > 0) throw new BadValue(problems.join('; '))
}

/** Endpoint URLs, separated by commas or spaces, as `new URL` serializes them. */
export const webhookUrls: Parser<readonly string[]> = (value) => {
  const urls = partsOf(value)
  const read = urls.map((url) => (URL.canParse(url) ? new URL(url) : null))
  const isCallable = (url: URL | null): url is URL => url !== null && /^https?:$/.test(url.protocol) && url.hash === ''
  const problems = read.flatMap((url, i) => (isCallable(url) ? [] : [`number ${i + 1} must be a URL with https://, without a fragment`]))
  const isDuplicate = (i: number) => read.slice(0, i).some((url) => url !== null && url.href === read[i]?.href)
  throwIfAny([...problems, ...read.flatMap((_, i) => (isDuplicate(i) ? [`number ${i + 1} is a duplicate`] : []))])
  return read.filter(isCallable).map(({ href }) => href)
}

const prefix = 'whsec_'

const secretBytes = { min: 24, max: 64 } as const

/** A secret as the Standard Webhooks specification writes it: `whsec_` and 24 to 64 bytes in base64. */
export const webhookSecret: Parser<string> = (value) => {
  const wanted = `${prefix} and ${secretBytes.min} to ${secretBytes.max} bytes in base64 (echo ${prefix}$(openssl rand -base64 32))`
  const base64 = value.startsWith(prefix) ? value.slice(prefix.length) : ''
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.toString('base64') !== base64) throw new BadValue(wanted)
  if (bytes.length < secretBytes.min || bytes.length > secretBytes.max) throw new BadValue(wanted)
  return value
}

/** For each URL its secrets, joined by `|`; the groups are separated by commas or spaces. */
export const webhookSecrets: Parser<readonly (readonly string[])[]> = (value) => {
  const groups = partsOf(value).map((group) => group.split('|'))
  throwIfAny(groups.flatMap((group, i) => group.flatMap((secret, j) => problemOf(secret, i, j))))
  return groups
}

function problemOf(secret: string, group: number, index: number): string[] {
  try {
    webhookSecret(secret)
    return []
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
    return [`secret ${index + 1} of number ${group + 1} must be ${error.message}`]
  }
}
