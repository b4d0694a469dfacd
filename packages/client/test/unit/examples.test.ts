import { spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'
import { problem, test } from '../fake-gateway.ts'

/** The examples that need no gateway; an integration test runs the others. */
const examples = new URL('../../examples/', import.meta.url).pathname

const start = (name: string, env: Record<string, string>, cwd = examples) =>
  spawn(process.execPath, [join(examples, name)], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })

test('the README contains the examples, each of at most ten lines of code', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  for (const name of ['upload-file.ts', 'upload-in-page.js', 'list-and-delete.ts', 'consume-events.ts', 'receive-webhooks.ts']) {
    const code = readFileSync(join(examples, name), 'utf8')
    expect(readme).toContain(`\n${code}\`\`\`\n`)
    expect(code.split('\n').filter((line) => line !== '' && !line.startsWith('//')).length, name).toBeLessThanOrEqual(10)
  }
})

test('the example of events prints each event, and stores the cursor after them', async ({ gateway }) => {
  const event = (filename: string) => ({ type: 'upload.completed', data: { filename } })
  const pages = [
    { events: [event('a.png'), event('b.png')], next: 'c1' },
    { events: [event('c.png')], next: 'c2' },
  ]
  gateway.routes = { 'GET /api/events': [...pages.map((json) => ({ json })), { status: 410, json: problem('cursor_gone') }] }
  const folder = mkdtempSync(join(tmpdir(), 'airlock-client-'))
  const consumer = start('consume-events.ts', { AIRLOCK_URL: gateway.url, AIRLOCK_TOKEN: 'a-token' }, folder)

  const [printed, complaint] = await Promise.all([text(consumer.stdout), text(consumer.stderr)])

  expect(printed).toBe('upload.completed a.png\nupload.completed b.png\nupload.completed c.png\n')
  expect(complaint).toContain('AirlockError: This is cursor_gone.')
  expect(readFileSync(join(folder, 'cursor'), 'utf8')).toBe('c2')
  rmSync(folder, { recursive: true })
})

test('the example of webhooks prints the event of a signed delivery, and refuses another one', async () => {
  const secret = randomBytes(32)
  const port = await freePort()
  const receiver = start('receive-webhooks.ts', { PORT: String(port), WEBHOOK_SECRET: `whsec_${secret.toString('base64')}` })
  const lines = receiver.stdout.setEncoding('utf8')
  await once(lines, 'data')
  const timestamp = String(Math.floor(Date.now() / 1000))
  const deliver = async (body: string, signedBody = body) => {
    const signature = createHmac('sha256', secret).update(`msg-1.${timestamp}.${signedBody}`).digest('base64')
    const headers = { 'webhook-id': 'msg-1', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
    return (await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body, headers })).status
  }
  const body = JSON.stringify({ type: 'upload.completed', data: { filename: 'cut.mp4' } })
  const printed = once(lines, 'data')

  expect(await deliver('{}', body)).toBe(401)
  expect(await deliver(body)).toBe(204)
  expect((await printed)[0]).toBe('upload.completed cut.mp4\n')
  receiver.kill()
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
