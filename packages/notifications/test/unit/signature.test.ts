import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { signed } from '../../src/send-signed.ts'

const [one, two, other] = [1, 2, 3].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`) as [string, string, string]
const message = {
  id: '0198c0de-0000-7000-8000-000000000001',
  at: new Date(),
  body: JSON.stringify({ type: 'upload.completed', data: { filename: 'größe.png' } }),
}

test('the official library verifies what we sign', () => {
  const headers = { ...signed(message, [one]) }
  expect(new Webhook(one).verify(message.body, headers)).toEqual(JSON.parse(message.body))
  expect(() => new Webhook(other).verify(message.body, headers)).toThrow()
  expect(() => new Webhook(one).verify(message.body.replace('completed', 'rejected'), headers)).toThrow()
  expect(() => new Webhook(one).verify(message.body, { ...headers, 'webhook-id': 'another' })).toThrow()
})

test('during a rotation, an endpoint can verify with either secret', () => {
  const headers = { ...signed(message, [one, two]) }
  for (const secret of [one, two]) expect(new Webhook(secret).verify(message.body, headers)).toBeTruthy()
  expect(() => new Webhook(other).verify(message.body, headers)).toThrow()
})

test('the official library creates the same signature', () => {
  const headers = signed(message, [one])
  expect(headers['webhook-signature']).toBe(new Webhook(one).sign(message.id, message.at, message.body))
  expect(headers['webhook-timestamp']).toMatch(/^\d{10}$/)
})
