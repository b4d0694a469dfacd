import { connect } from 'node:net'
import { serveMetrics } from '@airlock/config'
import { expect, test } from 'vitest'

const metrics = { contentType: 'text/plain; version=0.0.4', text: async () => 'airlock_up 1\n' }
const anyPort = { host: '127.0.0.1', port: 0 }

test('a port for metrics serves them and nothing else', async ({ onTestFinished }) => {
  const server = await serveMetrics(metrics, anyPort)
  onTestFinished(() => server.close())
  const ask = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${server.port}${path}`, { method })

  const answer = await ask('/metrics')
  expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, metrics.contentType, 'airlock_up 1\n'])
  expect((await ask('/metrics?name=up')).status).toBe(200)
  expect((await ask('/metrics', 'POST')).status).toBe(405)
  for (const path of ['/', '/metrics/', '/health/live', '/api/jobs']) expect((await ask(path)).status, path).toBe(404)
})

test('metrics that fail are a 500 without the reason', async ({ onTestFinished }) => {
  const text = async () => {
    throw new Error('internal address 10.0.0.7')
  }
  const server = await serveMetrics({ ...metrics, text }, anyPort)
  onTestFinished(() => server.close())
  const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`)
  expect([answer.status, await answer.text()]).toEqual([500, 'the metrics could not be read\n'])
})

test('closing the port ends idle connections, and those that never send a request', async () => {
  const server = await serveMetrics(metrics, anyPort)
  const silent = connect(server.port, '127.0.0.1')
  const ended = new Promise((resolve) => silent.once('close', resolve).on('error', () => {}))
  await new Promise((resolve) => silent.once('connect', resolve))
  await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()

  await server.close()

  await ended
  await expect(fetch(`http://127.0.0.1:${server.port}/metrics`)).rejects.toThrow('fetch failed')
})

test('a port that is in use is an error', async ({ onTestFinished }) => {
  const server = await serveMetrics(metrics, anyPort)
  onTestFinished(() => server.close())
  await expect(serveMetrics(metrics, { host: '127.0.0.1', port: server.port })).rejects.toThrow('EADDRINUSE')
})
