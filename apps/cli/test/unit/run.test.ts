import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { accepted, assetId, type FakeGateway, job, jobId, problem, test } from '../../../../packages/client/test/fake-gateway.ts'
import { run } from '../../src/program.ts'
import { fakeTerminal } from '../fake-terminal.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-cli-'))
  mkdirSync(join(folder, 'photos'))
  for (let i = 0; i < 6; i++) writeFileSync(join(folder, 'photos', `${i}.png`), 'the bytes of a picture')
})
afterEach(() => rmSync(folder, { recursive: true }))

const expired = { status: 401, json: problem('token_expired', 'The token has expired.') }

/** A gateway that makes each file an asset, with these replies to the uploads. */
const routes = (...uploads: FakeGateway['routes'][string]) => ({
  'GET /api/jobs': [{ json: { jobs: [], unknown: [], next_cursor: null } }],
  'POST /api/upload': uploads,
  'GET /api/jobs/events': [{ jobs: [job('completed')] }],
  [`GET /api/assets/${assetId}`]: [{ json: { asset_id: assetId, s3_url: 's3://bucket/brand-images/logo.png' } }],
  [`GET /api/assets/${assetId}/presigned`]: [{ json: { asset_id: assetId } }],
})

async function upload(gateway: FakeGateway, args: readonly string[] = [], stop = new Promise<void>(() => {})) {
  const env = { AIRLOCK_URL: gateway.url, AIRLOCK_TOKEN: 'a-token', XDG_STATE_HOME: join(folder, '.state') }
  const { terminal, stdout, stderr } = fakeTerminal({ env })
  const code = await run(['upload', join(folder, 'photos'), '--concurrency', '1', ...args], { terminal, stop })
  return { code, lines: stdout().trim().split('\n'), stderr: stderr() }
}

test('a token that expires ends the run, and the same command with a new one sends only the rest', async ({ gateway }) => {
  gateway.routes = routes(accepted(), accepted(), expired)
  const first = await upload(gateway)
  expect(first.code).toBe(1)
  expect(first.lines).toHaveLength(3)
  expect(first.lines[2]).toContain(
    "token_expired: The token has expired. Get a new token, store it with 'airlock login', and run the same command again.",
  )
  expect(first.stderr).toMatch(/2 of 6 files are assets, 1 failed, 3 were not sent\.\nThe same command continues where this one ended\.\n$/)
  const sent = gateway.to('POST /api/upload')

  gateway.routes = routes(accepted())
  const second = await upload(gateway)
  expect(second.stderr).toContain('Continuing an earlier run, which finished 2 files and began 1 file.')
  expect(second.stderr).toMatch(/6 of 6 files are assets\.\n$/)
  expect(second.code).toBe(0)
  const later = gateway.to('POST /api/upload').slice(sent.length)
  expect(later).toHaveLength(4)
  // the file whose request failed is sent with the same key, so that it can't become two assets
  expect(later[0]?.headers['idempotency-key']).toBe(sent.at(-1)?.headers['idempotency-key'])
})

test('a refused file does not end the run, and is sent with a new key by the next one', async ({ gateway }) => {
  gateway.routes = routes({ status: 400, json: problem('file_corrupt', 'It is broken.') }, accepted())
  const first = await upload(gateway, ['--json'])
  expect(first.code).toBe(1)
  expect(first.lines.map((line) => JSON.parse(line).status)).toEqual(['failed', ...Array(5).fill('completed')])
  expect(JSON.parse(first.lines[0] ?? '')).toMatchObject({ code: 'file_corrupt', detail: 'It is broken.', may_pass: false })
  expect(JSON.parse(first.lines[1] ?? '')).toMatchObject({ asset_id: assetId, key: 'brand-images/logo.png', job_id: jobId })
  const [refused] = gateway.to('POST /api/upload')

  gateway.routes = routes(accepted())
  const second = await upload(gateway, ['--json'])
  expect(second.code).toBe(0)
  expect(second.lines.filter((line) => JSON.parse(line).earlier_run)).toHaveLength(5)
  const again = gateway.to('POST /api/upload')
  expect(again).toHaveLength(7)
  expect(again[6]?.headers['idempotency-key']).not.toBe(refused?.headers['idempotency-key'])
})

test('a file whose asset was deleted meanwhile is uploaded again, and `--fresh` uploads all', async ({ gateway }) => {
  gateway.routes = routes(accepted(), accepted(), accepted(), accepted(), accepted(), expired)
  await upload(gateway)
  gateway.routes = { ...routes(expired), [`GET /api/assets/${assetId}/presigned`]: [{ status: 404, json: problem('asset_not_found') }] }
  expect((await upload(gateway)).stderr).toContain('0 of 6 files are assets, 1 failed, 5 were not sent.')

  gateway.routes = routes(accepted())
  const before = gateway.to('POST /api/upload').length
  expect((await upload(gateway, ['--fresh'])).stderr).not.toContain('Continuing')
  expect(gateway.to('POST /api/upload').length - before).toBe(6)
})

test('a run that is stopped says so, and counts what it has not done', async ({ gateway }) => {
  gateway.routes = routes(accepted(), 'hang')
  const stop = expect.poll(() => gateway.to('POST /api/upload').length, { timeout: 10_000 }).toBe(2)
  const { code, stderr } = await upload(gateway, [], Promise.resolve(stop))
  expect(code).toBe(1) // the process ends with that of the signal
  expect(stderr).toMatch(/Stopped\. 1 of 6 files is an asset, 1 was interrupted, 4 were not sent\.\nThe same command continues/)
  expect(gateway.requests.filter(({ method }) => method === 'DELETE')).toEqual([])
})

test('where the state cannot be stored, the upload works nevertheless, with a warning', async ({ gateway }) => {
  gateway.routes = routes(accepted())
  writeFileSync(join(folder, '.state'), 'a file in place of the folder')
  const { code, stderr } = await upload(gateway)
  expect(stderr).toContain("Warning: if this is interrupted, it can't be continued")
  expect(code).toBe(0)
})
