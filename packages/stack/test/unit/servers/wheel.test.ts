import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { unpackWheel } from '../../../src/servers/wheel.ts'

const content = 'a program '.repeat(1_000)
const system = `${process.platform} ${process.arch}`
const tags: Record<string, string> = {
  'linux x64': 'py3-none-manylinux2014_x86_64',
  'linux arm64': 'py3-none-manylinux2014_aarch64',
  'darwin arm64': 'py3-none-macosx_11_0_arm64',
}

let folder: string
let index: Server
let page: string
let wheel: Buffer
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'a wheel '))
  wheel = zip([
    ['a_tool-1.2.data/scripts/README', 'not this one', false],
    ['a_tool-1.2.data/scripts/tool', content, true],
  ])
  index = createServer((request, response) => response.end(request.url?.endsWith('.whl') ? wheel : page)).listen(0, '127.0.0.1')
  await once(index, 'listening')
  page = [link('a_tool-1.1', wheel), link('a_tool-1.2', wheel)].join('\n')
})
afterEach(() => {
  index.close()
  rmSync(folder, { recursive: true })
})

const take = (version: string) => {
  const files = { 'scripts/tool': join(folder, 'bin', 'tool'), 'scripts/README': join(folder, 'README') }
  return unpackWheel('a-tool', version, files, `http://127.0.0.1:${(index.address() as AddressInfo).port}/simple/`)
}

test.runIf(system in tags)('files come out of the wheel of this system, packed or not, and can be run', async () => {
  await take('1.2')
  expect(readFileSync(join(folder, 'bin', 'tool'), 'utf8')).toBe(content)
  expect(readFileSync(join(folder, 'README'), 'utf8')).toBe('not this one')
  expect(statSync(join(folder, 'bin', 'tool')).mode & 0o111).toBe(0o111)
})

test('a version that the index does not have is named', async () => {
  await expect(take('1.3')).rejects.toThrow(`has no a-tool 1.3 for ${system}`)
})

test.runIf(system in tags)('a wheel that is not the one which the index describes is not unpacked', async () => {
  page = link('a_tool-1.2', Buffer.from('another'))
  await expect(take('1.2')).rejects.toThrow('is not the file that the index describes')
})

function link(name: string, described: Buffer): string {
  const sha256 = createHash('sha256').update(described).digest('hex')
  return `<a href="../../files/${name}-${tags[system] ?? 'py3-none-any'}.whl#sha256=${sha256}">${name}</a>`
}

/** A zip file as APPNOTE describes it, of entries with path, content, and whether they are packed. */
function zip(entries: readonly (readonly [string, string, boolean])[]): Buffer {
  const bodies: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [path, text, packed] of entries) {
    const data = packed ? deflateRawSync(text) : Buffer.from(text)
    const local = Buffer.alloc(30)
    local.write('PK\x03\x04', 'latin1')
    local.writeUInt16LE(path.length, 26)
    const central = Buffer.alloc(46)
    central.write('PK\x01\x02', 'latin1')
    central.writeUInt16LE(packed ? 8 : 0, 10)
    central.writeUInt32LE(data.length, 20)
    central.writeUInt16LE(path.length, 28)
    central.writeUInt32LE(at, 42)
    bodies.push(local, Buffer.from(path), data)
    directory.push(central, Buffer.from(path))
    at += 30 + path.length + data.length
  }
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...bodies, ...directory, end])
}
