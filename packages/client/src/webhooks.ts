import type { Event } from './api.ts'
import { AirlockError } from './error.ts'

/** Signatures older or newer than this are refused, in s. */
const toleranceSeconds = 300

export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** What an endpoint of webhooks needs; it needs no client. */
export const webhooks = { verify }

/**
 * Verifies a delivery according to the Standard Webhooks specification, and returns its event.
 *
 * @param body exactly as received: parsed and serialised again it has other bytes
 * @param headers of the request
 * @param secret `whsec_…` of this endpoint
 * @throws AirlockError `signature_invalid`
 */
async function verify(body: string | Uint8Array, headers: WebhookHeaders, secret: string): Promise<Event> {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => headerOf(headers, name))
  if (!id || !timestamp || !signatures) throw invalid('a header is missing')
  const ageSeconds = Date.now() / 1000 - Number(timestamp)
  if (!/^\d+$/.test(timestamp) || Math.abs(ageSeconds) > toleranceSeconds) throw invalid('its time is more than five minutes off')

  const encoder = new TextEncoder()
  const text = typeof body === 'string' ? body : new TextDecoder('utf-8', { ignoreBOM: true }).decode(body)
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const secretBytes = bytesOf(secret.replace(/^whsec_/, ''))
  if (secretBytes.length < 24) throw new TypeError('The secret of a webhook is whsec_ and at least 24 bytes in base64')
  const key = await crypto.subtle.importKey('raw', secretBytes, algorithm, false, ['verify'])
  const signed = encoder.encode(`${id}.${timestamp}.${text}`)
  for (const signature of signatures.split(' ')) {
    const [version, encoded = ''] = signature.split(',')
    // WebCrypto compares in constant time
    if (version === 'v1' && (await crypto.subtle.verify('HMAC', key, bytesOf(encoded), signed))) return JSON.parse(text)
  }
  throw invalid('no signature matches')
}

function headerOf(headers: WebhookHeaders, name: string): string | undefined {
  const value = headers instanceof Headers ? headers.get(name) : headers[name]
  return typeof value === 'string' ? value : undefined
}

const invalid = (reason: string): AirlockError =>
  new AirlockError({ code: 'signature_invalid', detail: `This is not a delivery from Airlock: ${reason}.` })

/** @returns nothing if the text is not base64: no signature matches that */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  } catch {
    return new Uint8Array()
  }
}
