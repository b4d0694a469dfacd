import { BadValue, type Parser } from './parsers.ts'
import type { Config } from './read-config.ts'

/** The settings of webhooks, and the words in which the worker takes them. Neither URLs nor secrets ever stand in a message. */

/** An endpoint and what signs for it: each secret signs, so that one can be exchanged for another without a gap. */
export interface WebhookEndpoint {
  readonly url: string
  readonly secrets: readonly string[]
}

/** A URL may hold a comma as %2C. */
const separators = /[\s,]+/

const partsOf = (value: string): string[] => value.split(separators).filter((part) => part !== '')

/** @throws BadValue all problems together */
function throwIfAny(problems: readonly string[]): void {
  if (problems.length > 0) throw new BadValue(problems.join('; '))
}

/** Several URLs that are called, separated by commas or spaces, as `new URL` writes them. */
export const webhookUrls: Parser<readonly string[]> = (value) => {
  const urls = partsOf(value)
  const read = urls.map((url) => (URL.canParse(url) ? new URL(url) : null))
  const isCallable = (url: URL | null): url is URL => url !== null && /^https?:$/.test(url.protocol) && url.hash === ''
  const problems = read.flatMap((url, i) => (isCallable(url) ? [] : [`number ${i + 1} must be a URL with https://, without a fragment`]))
  const calledBefore = (i: number) => read.slice(0, i).some((url) => url !== null && url.href === read[i]?.href)
  throwIfAny([...problems, ...read.flatMap((_, i) => (calledBefore(i) ? [`number ${i + 1} is there twice`] : []))])
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

/** For each URL the secrets that sign for it, joined by `|`; the groups separated by commas or spaces. */
export const webhookSecrets: Parser<readonly (readonly string[])[]> = (value) => {
  const groups = partsOf(value).map((group) => group.split('|'))
  throwIfAny(groups.flatMap((group, i) => group.flatMap((secret, j) => problemOf(secret, i, j))))
  return groups
}

function problemOf(secret: string, group: number, place: number): string[] {
  try {
    webhookSecret(secret)
    return []
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
    return [`secret ${place + 1} of number ${group + 1} must be ${error.message}`]
  }
}

export const webhookVariables = ['WEBHOOK_URLS', 'WEBHOOK_SECRETS', 'WEBHOOK_ALLOW_PRIVATE', 'WEBHOOK_CONCURRENCY'] as const

/** Who is told of events, and how. */
export const webhookSettings = (config: Config<(typeof webhookVariables)[number]>) => ({
  endpoints: config.WEBHOOK_URLS.map((url, i): WebhookEndpoint => ({ url, secrets: config.WEBHOOK_SECRETS[i] ?? [] })),
  allowPrivate: config.WEBHOOK_ALLOW_PRIVATE,
  concurrency: config.WEBHOOK_CONCURRENCY,
})
