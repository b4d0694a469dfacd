import { expect, test } from 'vitest'
import { freePorts } from '../../src/free-ports.ts'

test('ten ports are different, and below the range of outgoing connections', async () => {
  const ports = await freePorts(10)
  expect(new Set(ports).size).toBe(10)
  expect(Math.max(...ports)).toBeLessThan(32_768)
})
