import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { largeScene } from '@airlock/testkit/samples'
import { afterAll, expect } from 'vitest'
import type { StoredParts } from '../../src/api.ts'
import { Airlock } from '../../src/node.ts'
import type { OpenUpload } from '../../src/platform.ts'
import { failureOf } from '../fake-gateway.ts'
import { directVideo, fileOf, hashOf, type Linked, longVideo, partPut, putsOf, linkedTest as test } from '../real-gateway.ts'

const folder = mkdtempSync(join(tmpdir(), 'airlock-client-'))
afterAll(() => rmSync(folder, { recursive: true }))

function videoAt(name: string): { path: string; bytes: Buffer } {
  const [path, bytes] = [join(folder, name), longVideo()]
  writeFileSync(path, bytes)
  return { path, bytes }
}

const program = `
  import { Airlock } from '@airlock/client'
  const [path, baseUrl, token, resumeFile, options] = process.argv.slice(1)
  await new Airlock({ baseUrl, token, resumeFile }).upload(path, JSON.parse(options))
`

/** @returns the numbers of the parts that the store has of the only upload in a resume file */
async function storedParts(resumeFile: string, url: string): Promise<number[]> {
  const [open] = existsSync(resumeFile) ? Object.values<OpenUpload>(JSON.parse(readFileSync(resumeFile, 'utf8'))) : []
  if (open === undefined) return []
  const response = await fetch(`${url}/api/uploads/${open.id}/parts`, { headers: { authorization: `Bearer ${open.capability}` } })
  const { parts } = (await response.json()) as StoredParts
  return parts.map(({ number }) => number)
}

/** Uploads by a program that is killed before the last part has arrived. */
async function killed(path: string, token: string, resumeFile: string, { link, url }: Linked): Promise<void> {
  link.fails({ request: partPut(3), kind: 'silence' })
  const args = ['--input-type=module', '-e', program, path, url, token, resumeFile, JSON.stringify(directVideo)]
  const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['ignore', 'ignore', 'inherit'] })
  await expect.poll(() => storedParts(resumeFile, url), { timeout: 30_000 }).toEqual([1, 2])
  child.kill('SIGKILL')
  await once(child, 'exit')
  await link.fails()
}

test('an upload whose program was killed continues with what is missing', { meta: { id: 'program-killed-mid-upload' } }, async ({
  gateway,
  client,
  linked,
  worker: _,
}) => {
  const { path, bytes } = videoAt('killed.mp4')
  const [token, resumeFile] = [await client.token(), join(folder, 'killed.json')]
  await killed(path, token, resumeFile, linked)

  const asset = await new Airlock({ baseUrl: linked.url, token, resumeFile }).upload(path, directVideo)

  expect(asset.content_hash).toBe(hashOf(bytes))
  expect(putsOf(linked.link)).toEqual([3])
  expect(await gateway.uploads(client.id)).toMatchObject([{ state: 'completed' }])
  expect(JSON.parse(readFileSync(resumeFile, 'utf8'))).toEqual({})
})

test('a file that was changed in between, with its size and time restored, does not become an asset', async ({
  client,
  linked,
  worker: _,
}) => {
  const { path } = videoAt('changed.mp4')
  const before = new Date(Date.now() - 60_000)
  utimesSync(path, before, before)
  const [token, resumeFile] = [await client.token(), join(folder, 'changed.json')]
  await killed(path, token, resumeFile, linked)
  const changed = readFileSync(path)
  changed.writeUInt8(changed.readUInt8(6 * 2 ** 20) ^ 1, 6 * 2 ** 20)
  writeFileSync(path, changed)
  utimesSync(path, before, before)

  const airlock = new Airlock({ baseUrl: linked.url, token, resumeFile })

  expect(await failureOf(airlock.upload(path, directVideo))).toMatchObject({ code: 'digest_mismatch' })
  expect((await airlock.assets.list()).assets).toEqual([])
  expect(await airlock.upload(path, directVideo)).toMatchObject({ content_hash: hashOf(changed) })
})

test('an upload continues when its token has expired meanwhile, if a function returns a new one', async ({
  gateway,
  client,
  worker: _,
}) => {
  const short = await client.token({ hours: 3 / 3600 })
  const token = async ({ refresh }: { refresh: boolean }) => (refresh ? client.token() : short)
  const scene = largeScene()
  const airlock = new Airlock({ baseUrl: gateway.url, token })
  let hasExpired = false
  const onProgress = ({ sentBytes }: { sentBytes: number }) => {
    if (sentBytes === 0 || hasExpired) return
    hasExpired = true
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000) // blocks the program
  }
  const asset = await airlock.upload(fileOf(scene), { ...directVideo, onProgress })
  expect(hasExpired).toBe(true)
  expect(asset.size_bytes).toBe(scene.bytes.length)
})
