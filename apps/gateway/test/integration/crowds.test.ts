import { givenStack } from '@airlock/stack/testing'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { acceptedIds, Client, logo, startGateway } from '../gateway.ts'
import { open } from '../raw.ts'

test('of 200 files sent at once to two gateways exactly 100 are accepted, although Redis is emptied in the middle', async () => {
  const first = await startGateway()
  const second = await startGateway({}, first)
  const redis = new Redis(givenStack().redis.url)
  try {
    const client = new Client(first.url)
    const twin = client.at(second.url)
    const file = await logo()
    const sending = Array.from({ length: 100 }, () => [client.pictures(file), twin.pictures(file)]).flat()
    await Promise.race(sending)
    await forget(redis, client.id)
    const answers = await Promise.all(sending)

    expect(answers.filter(({ status }) => status === 202)).toHaveLength(100)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(100)
    expect(new Set(answers.filter(({ status }) => status === 202).flatMap(acceptedIds)).size).toBe(100)
  } finally {
    redis.disconnect()
    await second.close()
    await first.close()
  }
}, 90_000)

async function forget(redis: Redis, userId: string): Promise<void> {
  const keys = await redis.keys(`*:files:{${userId}}`)
  if (keys.length > 0) await redis.del(...keys)
}

test('500 idle, slow clients do not hold up a healthy one, and their sockets and permits come back', async () => {
  const gateway = await startGateway({
    patience: { maxSeconds: 60, idleSeconds: 6, minBytesPerSecond: 0 },
    filesPerHour: 10_000,
    maxFilesInFlight: 8,
  })
  try {
    const client = new Client(gateway.url)
    const file = await logo()
    const healthy = async () => {
      const started = performance.now()
      expect((await client.pictures(file)).status).toBe(202)
      return performance.now() - started
    }
    const times = async () => {
      const all: number[] = []
      for (let i = 0; i < 40; i += 1) all.push(await healthy())
      return all.toSorted((a, b) => a - b)
    }
    await times()
    const alone = await times()

    const head = `POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await client.token()}\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: 100000\r\n\r\n`
    const begun = `--cut\r\nContent-Disposition: form-data; name="files"; filename="slow.png"\r\nContent-Type: image/png\r\n\r\n`
    const idle = await Promise.all(Array.from({ length: 500 }, () => open(gateway.url)))
    const ends = idle.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()).resume()))
    for (const socket of idle) socket.write(head + begun)
    const crowded = await times()

    const p99 = (sorted: number[]) => sorted[Math.floor(sorted.length * 0.99)] ?? 0
    expect(p99(crowded)).toBeLessThan(Math.max(3 * p99(alone), 250))
    await Promise.race([
      Promise.all(ends),
      new Promise((_, reject) => setTimeout(() => reject(new Error('sockets stay open')), 45_000).unref()),
    ])
    await gateway.leavesNothing()
    await healthy()
  } finally {
    await gateway.close()
  }
}, 120_000)
