/**
 * Searches the output of a process for the secrets of its configuration. This is done for all processes of tests and chaos when they end.
 */

type Environment = Readonly<Record<string, string | undefined>>

/** Settings that are secrets, or URLs that may contain one. */
export const secretSettings =
  /^(AWS_(SECRET_ACCESS_KEY|SESSION_TOKEN)|ACCESS_LOG_IP_HASH_KEY|(DATABASE|DATABASE_DIRECT|REDIS)_URL|JWT_SECRET|WEBHOOK_(URLS|SECRETS))$/

/** Secrets that do not depend on the settings. */
const secretShapes = {
  'a token': /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]{20,}/,
  'a presigned URL': /X-Amz-Signature=[0-9a-f]{8}/i,
  'a capability': /\bcap_[\w-]{20,}/,
  'a secret of webhooks': /whsec_[\w+/]{8}/,
} as const

/** Shorter values occur in logs by chance. */
const minLength = 8

/** @returns each secret of a configuration with the name of its setting: of a URL the password, of an endpoint also everything after the host */
export function secretsOf(env: Environment): { name: string; value: string }[] {
  const given = Object.entries(env).filter(([name]) => secretSettings.test(name))
  return given.flatMap(([name, text = '']) => {
    const parts = text.split(/[\s,|]+/).flatMap(secretParts)
    return [...new Set(parts)].filter((value) => value.length >= minLength).map((value) => ({ name, value }))
  })
}

function secretParts(text: string): string[] {
  if (!text.includes('://') || !URL.canParse(text)) return [text]
  const { protocol, password, pathname, search } = new URL(text)
  return [password, decodeURIComponent(password), ...(protocol.startsWith('http') ? [pathname + search, search.slice(1)] : [])]
}

/** @returns the kinds of secrets in the text, without the secrets */
export function secretsIn(text: string, env: Environment): string[] {
  const known = secretsOf(env).filter(({ value }) => text.includes(value))
  const shaped = Object.entries(secretShapes).filter(([, shape]) => shape.test(text))
  return [...new Set([...known.map(({ name }) => `the value of ${name}`), ...shaped.map(([what]) => what)])]
}

/**
 * @param who wrote it, for the message
 * @param env the settings of the process
 * @param text the output of the process
 * @throws Error with the name of the setting whose value is in the text, and the first such line without the value
 */
export function mustHoldNoSecret(who: string, env: Environment, text: string): void {
  const line = text.split('\n').find((one) => secretsIn(one, env).length > 0)
  if (line === undefined) return
  const masked = secretsOf(env).reduce((masked, { value }) => masked.replaceAll(value, '[secret]'), line)
  throw new Error(`${who} wrote ${secretsIn(line, env).join(', ')}: ${masked.slice(0, 2000)}`)
}
