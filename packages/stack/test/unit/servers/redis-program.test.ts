import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StackContext } from '../../../src/server.ts'
import { findRedis } from '../../../src/servers/redis-program.ts'

const path = process.env.PATH
beforeEach(() => {
  process.env.PATH = '/nowhere'
})
afterEach(() => {
  process.env.PATH = path
})

test('where there is neither Redis nor a way to install it, the one command that does is told', async () => {
  const found = await findRedis({ say: () => {} } as unknown as StackContext)
  expect(found).toEqual({
    missing: expect.stringMatching(/^no redis-server in PATH: .*(apt-get install redis-server|brew install redis)$/),
  })
})
