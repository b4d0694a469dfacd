import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tokenFor } from '@airlock/testkit'
import { test as base, expect } from 'vitest'
import { jwtSecret, startServices } from '../services.ts'
import { execute } from '../walk.ts'

/** The script of docs/direct-uploads.md, with a gateway, a worker and a store. */

const root = fileURLToPath(new URL('../../', import.meta.url))
const MiB = 1024 * 1024
const missing = await execute('sh', ['-c', 'command -v bash curl jq']).then(
  () => null,
  () => 'bash, curl or jq is not installed',
)
if (missing !== null) process.stderr.write(`skipped: the script for direct uploads, because ${missing}\n`)

const test = base.skipIf(missing !== null)

const userId = '0198c0de-0000-7000-8000-000000000001'
const projectId = '0198c0de-0000-7000-8000-000000000002'

interface Ran {
  readonly exitCode: number | null
  readonly out: string
  readonly err: string
}

function ran(script: ChildProcess): Promise<Ran> {
  const output = { out: '', err: '' }
  script.stdout?.setEncoding('utf8').on('data', (text) => (output.out += text))
  script.stderr?.setEncoding('utf8').on('data', (text) => (output.err += text))
  return new Promise((resolve) => script.once('close', (exitCode) => resolve({ exitCode, ...output })))
}

/** A valid video of 12 MiB: it ends with a box that players skip. */
function largeVideo(): Buffer {
  const video = readFileSync(join(root, 'examples/samples/good/scene-01.mp4'))
  const space = Buffer.alloc(12 * MiB)
  space.writeUInt32BE(space.length, 0)
  space.write('free', 4)
  return Buffer.concat([video, space])
}

test('an interrupted upload is continued by the same command, and ends with the asset or the reason', { timeout: 120_000 }, async () => {
  const services = await startServices({ DIRECT_PART_BYTES: String(5 * MiB), DIRECT_PUT_MAX_BYTES: '0' })
  const folder = mkdtempSync(join(tmpdir(), 'airlock direct '))
  const file = join(folder, 'a scene.mp4')
  const video = largeVideo()
  const TOKEN = await tokenFor(userId, jwtSecret)
  const begin = (path: string) =>
    spawn(join(root, 'examples/direct-upload/upload.sh'), [path, 'generated_video', `project_id=${projectId}`], {
      env: { PATH: process.env.PATH, AIRLOCK: services.gateway.url, TOKEN },
      detached: true, // so that its programs end with it
    })
  try {
    writeFileSync(file, video)
    const first = begin(file)
    const interrupted = ran(first)
    first.stderr.on('data', (text) => {
      if (String(text).includes('part 1 sent')) process.kill(-(first.pid ?? 0), 'SIGKILL')
    })
    expect((await interrupted).exitCode).toBeNull()
    expect(statSync(`${file}.upload`).mode & 0o077).toBe(0)

    const { exitCode, out, err } = await ran(begin(file))

    expect({ exitCode, err, out }).toMatchObject({ exitCode: 0, err: 'part 2 sent\npart 3 sent\n' })
    const contentHash = createHash('sha256').update(video).digest('hex')
    expect(JSON.parse(out)).toEqual({ status: 'completed', asset_id: expect.any(String), content_hash: contentHash, error: null })
    expect(existsSync(`${file}.upload`)).toBe(false)

    const page = join(folder, 'page.mp4')
    writeFileSync(page, '<html>')
    const refused = await ran(begin(page))
    expect(refused).toMatchObject({ exitCode: 1, err: expect.stringContaining('type_mismatch') })
    expect(existsSync(`${page}.upload`)).toBe(false)
    expect(JSON.stringify([...services.gateway.logged(), ...services.worker.logged()])).not.toContain('cap_')
  } finally {
    rmSync(folder, { recursive: true })
    await services.close()
  }
})
