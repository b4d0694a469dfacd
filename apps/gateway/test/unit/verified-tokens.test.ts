import { expect, test, vi } from 'vitest'
import { type Verified, VerifiedTokens } from '../../src/auth/verified-tokens.ts'

const callerUntil = (expiresAtMs: number) => ({ id: 'ada', actedBy: null, scopes: [], expiresAtMs })
const verified = (isCurrent = () => true, expiresAtMs = Date.now() + 60_000): Verified => ({ caller: callerUntil(expiresAtMs), isCurrent })

test('a valid token is verified once', async () => {
  const tokens = new VerifiedTokens()
  const verify = vi.fn(async () => verified())
  const callers = [await tokens.callerOf('a', verify), await tokens.callerOf('a', verify)]
  expect(callers[0]).toBe(callers[1])
  expect(verify).toHaveBeenCalledTimes(1)
  await tokens.callerOf('b', verify)
  expect(verify).toHaveBeenCalledTimes(2)
})

test('an invalid token is verified each time, and not remembered', async () => {
  const tokens = new VerifiedTokens()
  const refuse = vi.fn(async () => Promise.reject(new Error('invalid')))
  for (let n = 0; n < 2; n++) await expect(tokens.callerOf('a', refuse)).rejects.toThrow('invalid')
  expect(refuse).toHaveBeenCalledTimes(2)
})

test('a token is verified again when it has expired', async () => {
  const tokens = new VerifiedTokens()
  await tokens.callerOf('a', async () => verified(() => true, Date.now() - 1))
  const verify = vi.fn(async () => Promise.reject(new Error('expired')))
  await expect(tokens.callerOf('a', verify)).rejects.toThrow('expired')
})

test('a token is verified again when the keys have changed', async () => {
  const tokens = new VerifiedTokens()
  let isCurrent = true
  await tokens.callerOf('a', async () => verified(() => isCurrent))
  isCurrent = false
  const verify = vi.fn(async () => Promise.reject(new Error('revoked')))
  await expect(tokens.callerOf('a', verify)).rejects.toThrow('revoked')
  isCurrent = true
  await expect(tokens.callerOf('a', verify)).rejects.toThrow('revoked')
})

test('the oldest token is forgotten beyond the maximum', async () => {
  const tokens = new VerifiedTokens(2)
  const verify = vi.fn(async () => verified())
  for (const token of ['a', 'b', 'c', 'c', 'b']) await tokens.callerOf(token, verify)
  expect(verify).toHaveBeenCalledTimes(3)
  await tokens.callerOf('a', verify)
  expect(verify).toHaveBeenCalledTimes(4)
})
