import { createHmac, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { type WebhookHeaders, webhooks } from '../../src/node.ts'

const secret = `whsec_${randomBytes(32).toString('base64')}`
const body = JSON.stringify({ type: 'upload.completed', data: { filename: 'Übersicht.mp4' } })

/** Headers as Airlock sends them (docs/webhooks.md). */
function signed(text = body, { ageSeconds = 0, by = secret } = {}) {
  const timestamp = String(Math.floor(Date.now() / 1000) - ageSeconds)
  const key = Buffer.from(by.slice(6), 'base64')
  const signature = createHmac('sha256', key).update(`msg-1.${timestamp}.${text}`).digest('base64')
  return { 'webhook-id': 'msg-1', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

const verdictOn = (headers: WebhookHeaders, text: string | Uint8Array = body, by = secret) =>
  webhooks.verify(text, headers, by).then(
    () => 'valid',
    (error) => error.code ?? error.name,
  )

test('a signed delivery is its event, from a text or from bytes, with headers of Node or of fetch', async () => {
  expect(await webhooks.verify(body, signed(), secret)).toEqual(JSON.parse(body))
  expect(await verdictOn(new Headers(signed()), Buffer.from(body))).toBe('valid')
})

test('one valid signature of several is enough, as while a secret is rotated', async () => {
  const other = signed(body, { by: `whsec_${randomBytes(24).toString('base64')}` })
  const both = { ...signed(), 'webhook-signature': `${other['webhook-signature']} v2,x ${signed()['webhook-signature']}` }
  expect(await verdictOn(both)).toBe('valid')
  expect(await verdictOn(other)).toBe('signature_invalid')
})

test('another body, id, time or an old delivery is refused', async () => {
  expect(await verdictOn(signed(), `${body} `)).toBe('signature_invalid')
  expect(await verdictOn(signed(), Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(body)]))).toBe('signature_invalid')
  expect(await verdictOn({ ...signed(), 'webhook-id': 'msg-2' })).toBe('signature_invalid')
  for (const ageSeconds of [310, -310]) expect(await verdictOn(signed(body, { ageSeconds }))).toBe('signature_invalid')
  for (const ageSeconds of [290, -290]) expect(await verdictOn(signed(body, { ageSeconds }))).toBe('valid')
})

test.for(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('a delivery without %s is refused', async (name) => {
  expect(await verdictOn({ ...signed(), [name]: undefined })).toBe('signature_invalid')
})

test.for(['v1,', 'v1', ',', 'v1,%%%', 'v1,AAAA', ' '])('the signature %j is refused', async (signature) => {
  expect(await verdictOn({ ...signed(), 'webhook-signature': signature })).toBe('signature_invalid')
})

test.for(['NaN', '1e10', '', '-1', '0x6A'])('the time %j is refused', async (time) => {
  expect(await verdictOn({ ...signed(), 'webhook-timestamp': time })).toBe('signature_invalid')
})

test('a missing secret is a mistake of the program, and verifies nothing', async () => {
  const empty = signed(body, { by: 'whsec_' })
  for (const none of ['', 'whsec_', 'whsec_AAAA']) expect(await verdictOn(empty, body, none)).toBe('TypeError')
})
