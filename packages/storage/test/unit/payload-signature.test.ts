import { expect, test } from 'vitest'
import { isTrusted } from '../../src/s3/calls.ts'

test.for([
  ['https://s3.amazonaws.com', true],
  ['http://localhost:8333', true],
  ['http://127.0.0.1:8333', true],
  ['http://127.1.2.3', true],
  ['http://[::1]:8333', true],
  ['http://seaweedfs:8333', false],
  ['http://10.0.0.1', false],
  ['http://127.0.0.1.example.com', false],
  ['http://localhost.example.com', false],
] as const)('whether the body of a request to %s is unsigned: %s', ([address, trusted]) => {
  expect(isTrusted(new URL(address))).toBe(trusted)
})
