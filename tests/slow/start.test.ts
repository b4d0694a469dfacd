import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRunning, type ProcessEntry, readStackRecord, resetStack, waitFor } from '@airlock/dev-servers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { npmStart, type Run, startMs } from '../npm-start.ts'

let dataDir: string
let run: Run

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'airlock start '))
})
afterEach(async () => {
  run.signal('SIGTERM')
  await run.ended
  await waitFor(() => reset(), { what: 'the stack to be free', timeoutMs: 30_000 })
  rmSync(dataDir, { recursive: true })
})

const reset = async (): Promise<true> => {
  await resetStack(dataDir)
  return true
}

/** Starts Airlock without the samples. @returns the processes of its apps from stack.json */
async function up(): Promise<{ gateway: ProcessEntry; worker: ProcessEntry }> {
  const envFile = join(dataDir, 'my.env')
  writeFileSync(envFile, 'LOG_LEVEL=debug\nDATABASE_URL=postgres://127.0.0.1:1/production\n')
  run = npmStart(dataDir, ['--no-samples', '--reset'], { AIRLOCK_ENV_FILE: envFile })
  await run.outputMatches(/^Airlock is up: /m)
  const { gateway, worker } = readStackRecord(dataDir)?.processes ?? {}
  if (gateway === undefined || worker === undefined) throw new Error('stack.json does not name gateway and worker')
  expect([gateway, worker].every(isRunning)).toBe(true)
  return { gateway, worker }
}

test('a gateway that dies is reported with its last output, and the rest is stopped', { timeout: 2 * startMs }, async () => {
  const { gateway, worker } = await up()
  const answer = await fetch(`${gateway.url}/api/health`)
  expect(await answer.json()).toMatchObject({ status: 'ok' })

  process.kill(gateway.pid, 'SIGKILL')

  expect(await run.ended).toBe(1)
  expect(run.output()).toMatch(/Airlock can't continue\. gateway was killed by SIGKILL\. Its last lines:\n.* Server listening at /)
  expect(run.output()).toContain(gateway.logFile)
  expect(run.output().replaceAll(/\s+/g, ' ')).toMatch(
    /Settings from \S.*my\.env: LOG_LEVEL Ignored in \S.*my\.env: DATABASE_URL\. npm start starts its own servers/,
  )
  expect(run.output()).toContain(`Nothing to delete in ${dataDir}`)
  expect(isRunning(worker)).toBe(false)
  expect(readStackRecord(dataDir)).toMatchObject({ owner: null, processes: {}, servers: {} })
})

test('if npm start is killed, its apps and servers end by themselves', { timeout: 2 * startMs }, async () => {
  const { gateway, worker } = await up()
  const owner = readStackRecord(dataDir)?.owner?.pid ?? 0

  process.kill(owner, 'SIGKILL')

  expect(await run.ended).not.toBe(0)
  await waitFor(() => ![gateway, worker].some(isRunning), { what: 'the end of gateway and worker', timeoutMs: 30_000 })
  await waitFor(() => reset(), { what: 'the servers to be gone', timeoutMs: 30_000 })
})
