import type { AddressInfo } from 'node:net'
import { buildApp } from 'fauxqs'
import { afterAll, beforeAll } from 'vitest'
import { objectStoreContract } from '../contract/object-store-contract.ts'
import { abilitiesOfEmulator } from '../contract/store-under-test.ts'

/** The emulator that a developer gets where no real store can be had. What runs on it must run there, too. */
const app = buildApp({ logger: false })

beforeAll(async () => {
  await app.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(() => app.close())

objectStoreContract({
  name: 'fauxqs',
  can: abilitiesOfEmulator,
  address: async () => ({
    endpoint: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    accessKeyId: 'emulator',
    secretAccessKey: 'emulator',
  }),
})
