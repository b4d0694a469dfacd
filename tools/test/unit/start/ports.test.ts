import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { choosePort } from '../../../start/ports.ts'

const host = '127.0.0.1'

let other: Server
let taken: number

beforeEach(async () => {
  other = createServer().listen(0, host)
  await once(other, 'listening')
  taken = (other.address() as AddressInfo).port
})
afterEach(() => new Promise((closed) => other.close(closed)))

test.each([undefined, '', ' '])('without a requested port (%j) the next free one is used', async (asked) => {
  expect(await choosePort(host, 'PORT', asked, taken)).toBeGreaterThan(taken)
})

test('a reserved port is skipped', async () => {
  const first = await choosePort(host, 'PORT', undefined, taken)

  expect(await choosePort(host, 'WORKER_PORT', undefined, taken, [first])).toBeGreaterThan(first)
})

test('a requested port that is in use is an error', async () => {
  await expect(choosePort(host, 'PORT', String(taken), 3000)).rejects.toThrow(`PORT=${taken} is in use`)
})

test('PORT=0 requests any port', async () => {
  expect(await choosePort(host, 'PORT', '0', 3000)).toBeGreaterThan(1023)
})

test.each(['many', '-1', '65536', '3e3'])('PORT=%s is not a port', async (asked) => {
  await expect(choosePort(host, 'PORT', asked, 3000)).rejects.toThrow('a whole number from 0 to 65535')
})

test('a host of another machine is not reported as a port in use', async () => {
  await expect(choosePort('192.0.2.1', 'PORT', undefined, 3000)).rejects.toThrow('EADDRNOTAVAIL')
})
