import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort, freePorts } from '../../src/free-ports.ts'

test('ten ports are ten different ones, all below the range of outgoing connections', async () => {
  const ports = await freePorts(10)
  expect(new Set(ports).size).toBe(10)
  expect(Math.max(...ports)).toBeLessThan(32_768)
})

test('a preferred port is given when it is free, and another when it is taken', async () => {
  const [port = 0] = await freePorts(1)
  expect(await freePort(port)).toBe(port)

  const taker = createServer().listen(port, '0.0.0.0')
  await new Promise((listening) => taker.once('listening', listening))
  expect(await freePort(port)).not.toBe(port)
  taker.close()
})
