import { createHmac } from 'node:crypto'

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/** A token as `npm run token` makes it (HS256, RFC 7519), for thousands of calls without a process each. */
export function tokenFor(userId: string, secret: string, scope?: 'service' | 'service ops'): string {
  const now = Math.floor(Date.now() / 1000)
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ sub: userId, scope, iat: now, exp: now + 24 * 3600 })}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
