import { failFastConnection } from '@airlock/queue'
import { givenStack, isolatedQueuePrefix } from '@airlock/testkit'
import { afterAll, expect, test } from 'vitest'
import { Client, startGateway } from '../gateway.ts'
import { open } from '../raw.ts'

const redis = failFastConnection(givenStack().redis.url, { onError: () => {} })
afterAll(() => redis.disconnect())

const MiB = 1024 * 1024

/** Sends a form of 64 MiB as fast as it is read. @returns the response, and how much the gateway read */
async function sends(url: string, gateway: Awaited<ReturnType<typeof startGateway>>, authorization: string) {
  const read = { bytes: 0 }
  gateway.gateway.app.server.once('connection', (socket) => {
    socket.once('close', () => {
      read.bytes = socket.bytesRead
    })
  })
  const socket = await open(url)
  socket.on('error', () => {}) // the gateway may reset the connection while the client still writes
  const closed = new Promise((resolve) => socket.once('close', resolve))
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1')
  })
  socket.write(
    `POST /api/upload HTTP/1.1\r\nHost: x\r\n${authorization}Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: ${64 * MiB}\r\n\r\n`,
  )
  const piece = Buffer.alloc(256 * 1024)
  const goOn = () => {
    while (socket.writable && socket.write(piece)) {}
  }
  socket.on('drain', goOn)
  goOn()
  await closed
  await expect.poll(() => read.bytes).toBeGreaterThan(0)
  return { answer, mebibytes: read.bytes / MiB }
}

test('after a 401 or 429 little of the body is read, the client gets the response, and the connection closes', {
  meta: { id: 'unread-body-after-401-and-429' },
  timeout: 60_000,
}, async () => {
  const gateway = await startGateway({ requestLimit: { perMinute: 1, redis, keyPrefix: isolatedQueuePrefix().prefix } })
  try {
    const withoutToken = await sends(gateway.url, gateway, '')
    expect(withoutToken.answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(withoutToken.answer).toContain('token_missing')
    expect(withoutToken.mebibytes).toBeLessThan(2)

    const client = new Client(gateway.url)
    await client.get('/api/jobs/x')
    const tooMany = await sends(gateway.url, gateway, `Authorization: Bearer ${await client.token()}\r\n`)
    expect(tooMany.answer).toMatch(/^HTTP\/1\.1 429 /)
    expect(tooMany.answer).toContain('too_many_requests')
    expect(tooMany.mebibytes).toBeLessThan(2)
  } finally {
    await gateway.close()
  }
})
