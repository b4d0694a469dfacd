import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StackFile, waitFor } from '@airlock/dev-servers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeEnding, startService } from '../../../start/service.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'service '))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Runs a program of one line, and collects its output. */
async function run(program: string) {
  const output: string[] = []
  const logFile = join(folder, 'service.log')
  writeFileSync(join(folder, 'program.js'), program)
  const context = {
    root: folder,
    env: { GREETING: 'hello' },
    file: new StackFile(folder),
    onLogLine: (name: string, line: string) => output.push(`${name}: ${line}`),
  }
  const service = await startService({ name: 'svc', entry: 'program.js', logFile }, context)
  return { service, output, logFile }
}

test('the output of a service is passed on with its name, and stored unchanged', async () => {
  const record = JSON.stringify({ level: 30, time: 0, msg: 'up', pid: 1 })
  const { service, output, logFile } = await run(`console.log(process.env.GREETING); console.error(${JSON.stringify(record)})`)

  expect(await service.ended).toEqual({ code: 0, signal: null })
  expect(output.toSorted()).toEqual(['svc: hello', `svc: ${record}`])
  await waitFor(() => readFileSync(logFile, 'utf8').length > record.length, { what: 'the log to be written' })
  expect(readFileSync(logFile, 'utf8').trim().split('\n').toSorted()).toEqual(['hello', record])
})

test('a log that was emptied is read from its start again', async () => {
  const { service, output, logFile } = await run("console.log('early '.repeat(100)); setTimeout(() => console.log('late'), 300)")
  await waitFor(() => output.length > 0, { what: 'the first line' })

  truncateSync(logFile)
  await service.ended

  expect(output.at(-1)).toBe('svc: late')
  expect(readFileSync(logFile, 'utf8')).toBe('late\n')
})

test('the last lines are kept to explain the exit', async () => {
  const { service } = await run('for (let i = 1; i <= 40; i++) console.log(i); process.exitCode = 3')

  expect(describeEnding(await service.ended)).toBe('ended with exit code 3')
  expect(service.lastLines()).toHaveLength(12)
  expect(service.lastLines().at(-1)).toBe('40')
})

test('a service that is asked to stop can finish', async () => {
  const { service, output } = await run(
    "process.on('SIGTERM', () => { console.log('finished'); process.exit(0) }); setInterval(() => {}, 1e6); console.log('up')",
  )
  await waitFor(() => output.length > 0, { what: 'the service to be up' })

  await service.stop(10_000)

  expect(await service.ended).toEqual({ code: 0, signal: null })
  expect(output.at(-1)).toContain('finished')
})

test('a service that does not finish in time is killed', async () => {
  const { service, output } = await run("process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); console.log('up')")
  await waitFor(() => output.length > 0, { what: 'the service to be up' })

  await service.stop(100)

  expect(describeEnding(await service.ended)).toBe('was killed by SIGKILL')
})

test('stopping an ended service returns at once', async () => {
  const { service } = await run('0')
  await service.ended

  await service.stop(10_000)
  await service.stop(10_000)
})

test("a service that can't be started is reported", async () => {
  const context = { root: join(folder, 'nowhere'), env: {}, file: new StackFile(folder) }
  const starting = startService({ name: 'svc', entry: 'program.js' }, context)

  await expect(starting).rejects.toThrow("svc can't be started")
})
