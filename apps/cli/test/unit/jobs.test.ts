import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import type { Job } from '@airlock/client'
import { expect } from 'vitest'
import { type FakeGateway, jobId, job as jobOf, test } from '../../../../packages/client/test/fake-gateway.ts'
import { run } from '../../src/program.ts'
import { fakeTerminal } from '../fake-terminal.ts'

const otherId = '0198c0de-0000-7000-8000-000000000002'
const never = new Promise<void>(() => {})

const job = (status: Job['status'], more: Partial<Job> = {}) =>
  jobOf(status, { filename: 'logo.png', size_bytes: 1536, progress: 0.5, created_at: '2026-01-02T03:04:05.000Z', ...more })

const wrong = { code: 'file_corrupt', error: 'The file is corrupt.', detail: "File 'logo.png' can't be read." } as Job['error']

async function jobs(gateway: FakeGateway, args: readonly string[], { isTTY = false, rows = 24, stop = never } = {}) {
  const { terminal, stdout, stderr } = fakeTerminal({ isTTY, rows, env: { AIRLOCK_URL: gateway.url, AIRLOCK_TOKEN: 'a-token' } })
  const code = await run(['jobs', ...args], { terminal, stop })
  return { code, stdout: stripVTControlCharacters(stdout()), stderr: stripVTControlCharacters(stderr()) }
}

test('jobs are listed page by page, with the reason of those that were rejected', async ({ gateway }) => {
  gateway.routes = {
    'GET /api/jobs': [
      { json: { jobs: [job('completed', { filename: 'a\u001b[31m.png' })], unknown: [], next_cursor: 'next' } },
      { json: { jobs: [job('rejected', { error: wrong })], unknown: [], next_cursor: null } },
    ],
  }
  const { code, stdout } = await jobs(gateway, ['--status', 'completed'])
  expect(code).toBe(0)
  expect(stdout).toMatch(new RegExp(`^${jobId}  completed    1\\.5 KiB  .*  a\ufffd\\[31m\\.png\n`))
  expect(stdout).toMatch(new RegExp(`\n${jobId}  rejected     1\\.5 KiB  .*  logo\\.png  file_corrupt\n$`))
  expect(gateway.to('GET /api/jobs').map(({ query }) => [query.get('status'), query.get('cursor')])).toEqual([
    ['completed', null],
    ['completed', 'next'],
  ])
})

test('a job that is followed ends with what its file states about its making', async ({ gateway }) => {
  const provenance = { present: true, state: 'invalid', content: 'unbound', generator: null, digital_source_type: null, ai_generated: true }
  gateway.routes = { 'GET /api/jobs/events': [{ jobs: [job('completed', { provenance } as Partial<Job>)] }] }
  const { stdout } = await jobs(gateway, ['--watch', jobId])
  expect(stdout).toMatch(/logo\.png {2}asset \S+\n {2}Content credentials do not match this file\n$/)
})

test('on a terminal a row fits the line', async ({ gateway }) => {
  gateway.routes = { 'GET /api/jobs': [{ json: { jobs: [job('queued', { filename: 'x'.repeat(200) })], unknown: [], next_cursor: null } }] }
  const { stdout } = await jobs(gateway, [], { isTTY: true })
  for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
})

test('a job that is named is printed as JSON', async ({ gateway }) => {
  gateway.routes = { [`GET /api/jobs/${jobId}`]: [{ json: job('completed') }] }
  const { code, stdout } = await jobs(gateway, ['--json', jobId])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ job_id: jobId, status: 'completed' })
})

test('the jobs that have not ended are followed until they have, and one that is rejected fails the command', async ({ gateway }) => {
  const open = [job('queued'), job('processing', { job_id: otherId, filename: 'other.png' })]
  gateway.routes = {
    'GET /api/jobs': [{ json: { jobs: open.slice(0, 1), next_cursor: null } }, { json: { jobs: open.slice(1), next_cursor: null } }],
    'GET /api/jobs/events': [
      { jobs: [...open, job('rejected', { error: wrong }), job('completed', { job_id: otherId, filename: 'other.png' })] },
    ],
  }
  const { code, stdout, stderr } = await jobs(gateway, ['--watch'])
  expect(code).toBe(1)
  expect(`${stdout}${stderr}`).toContain("file_corrupt: File 'logo.png' can't be read.")
  expect(stdout).toContain(`✓ ${otherId}  other.png`)
  expect(stderr).toContain(`${otherId}  processing  other.png\n`)
  expect(stderr).toContain('1 of 2 jobs are completed.')
})

test('on a terminal the jobs that run are drawn, as many as there is room for', async ({ gateway }) => {
  const open = [job('queued'), job('processing', { job_id: otherId, filename: 'other.png' })]
  const ended = open.map(({ job_id = '' }) => job('completed', { job_id }))
  gateway.routes = { 'GET /api/jobs/events': [{ jobs: [...open, ...ended] }] }
  const { code, stdout, stderr } = await jobs(gateway, ['--watch', jobId, otherId], { isTTY: true, rows: 4 })
  expect(code).toBe(0)
  expect(stdout).toContain('✓ logo.png')
  expect(stderr).toContain('and 1 more')
})

test('a job that failed for another reason than its file is reported with its state', async ({ gateway }) => {
  gateway.routes = { 'GET /api/jobs/events': [{ jobs: [job('failed')] }] }
  const { code, stdout, stderr } = await jobs(gateway, ['--watch', jobId])
  expect(code).toBe(1)
  expect(`${stdout}${stderr}`).toContain('failed: The job is failed.')
})

test('followed jobs are printed as JSON, one line for each change', async ({ gateway }) => {
  gateway.routes = { 'GET /api/jobs/events': [{ jobs: [job('queued'), job('completed')] }] }
  const { stdout } = await jobs(gateway, ['--watch', '--json', jobId])
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).status),
  ).toEqual(['queued', 'completed'])
})

test('without a job that has not ended there is nothing to follow', async ({ gateway }) => {
  gateway.routes = { 'GET /api/jobs': [{ json: { jobs: [], next_cursor: null } }] }
  expect(await jobs(gateway, ['--watch'])).toEqual({ code: 0, stdout: '', stderr: 'No job is queued or processing.\n' })
})

test('a command that is stopped follows no longer', async ({ gateway }) => {
  gateway.routes = {
    'GET /api/jobs/events': [{ jobs: [job('queued')] }],
    'GET /api/jobs': [{ json: { jobs: [job('queued')], unknown: [] } }],
  }
  const stop = Promise.withResolvers<void>()
  const watching = jobs(gateway, ['--watch', jobId], { stop: stop.promise })
  await expect.poll(() => gateway.requests.length).toBeGreaterThan(0)
  stop.resolve()
  expect(await watching).toMatchObject({ code: 1 })
  await sleep(200) // a request that was on its way when the command was stopped still arrives
  const asked = gateway.requests.length
  await sleep(1500)
  expect(gateway.requests.length).toBe(asked)
})
