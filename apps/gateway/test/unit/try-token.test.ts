import { AirlockError } from '@airlock/domain'
import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { assertOwnPage } from '../../src/try-page/try-token.ts'

/** What a browser sends for the page. */
const headers = { host: '127.0.0.1:3000', origin: 'http://127.0.0.1:3000', 'sec-fetch-site': 'same-origin' }

function gets(remoteAddress: string | undefined, more: Record<string, string | undefined> = {}): boolean {
  const log = { info: () => {} }
  try {
    const request = { method: 'POST', url: '/try/token', headers: { ...headers, ...more }, socket: { remoteAddress }, log }
    assertOwnPage(request as unknown as FastifyRequest)
    return true
  } catch (error) {
    if (error instanceof AirlockError && error.code === 'route_not_found') return false
    throw error
  }
}

test('only a connection from this machine gets a token for the try page, whatever its headers say', () => {
  for (const own of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) expect(gets(own), own).toBe(true)
  for (const other of ['10.0.0.7', '::ffff:10.0.0.7', '0.0.0.0', '1127.0.0.1', '127.0.0.1.evil', '::2', '', undefined])
    expect(gets(other), other).toBe(false)
})

test('this machine may be called by its name or by an address of IPv6', () => {
  for (const host of ['localhost', 'localhost:3000', '[::1]:3000']) expect(gets('::1', { host, origin: `http://${host}` }), host).toBe(true)
  for (const host of ['', 'localhost:3000@evil.example', 'localhost.evil.example', '[::1].evil.example', 'localhost:'])
    expect(gets('::1', { host, origin: `http://${host}` }), host).toBe(false)
})

test('each of origin and site is enough to refuse', () => {
  expect(gets('::1', { origin: 'https://127.0.0.1:3000' })).toBe(false)
  expect(gets('::1', { origin: undefined })).toBe(false)
  for (const site of ['cross-site', 'same-site', 'none']) expect(gets('::1', { 'sec-fetch-site': site })).toBe(false)
})

test('what a proxy has forwarded is refused', () => {
  for (const name of ['via', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])
    expect(gets('127.0.0.1', { [name]: 'x' }), name).toBe(false)
})
