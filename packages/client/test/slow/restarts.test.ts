import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { largeScene } from '@airlock/testkit/samples'
import { afterAll, expect } from 'vitest'
import { Airlock } from '../../src/node.ts'
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
  const onProgress = ({ sentBytes }) => sentBytes === 10 * 2 ** 20 && console.log('two parts have arrived')
  await new Airlock({ baseUrl, token, resumeFile }).upload(path, { ...JSON.parse(options), onProgress })
`

/** Uploads by a program that is killed before the last part has arrived. */
async function killed(path: string, token: string, resumeFile: string, { link, url }: Linked): Promise<void> {
  link.fails({ request: partPut(3), kind: 'silence' })
  const args = ['--input-type=module', '-e', program, path, url, token, resumeFile, JSON.stringify(directVideo)]
  const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
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
  const asset = await airlock.upload(fileOf(scene), { ...directVideo, onProgress: ({ sentBytes }) => expired(sentBytes) })
  expect(asset.size_bytes).toBe(scene.bytes.length)
})

/** Blocks the program once, until the token has expired. */
function expired(sentBytes: number): void {
  if (sentBytes > 0 && sentBytes < 6 * 2 ** 20) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000)
}
