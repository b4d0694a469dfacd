import { expect, test } from 'vitest'
import { Client, photo, startGateway } from '../gateway.ts'

test('a flood of health requests causes one check a second, and does not affect others', {
  meta: { id: 'health-flood' },
  timeout: 60_000,
}, async () => {
  const beside = await startGateway()
  const asked = { redis: 0, s3: 0 }
  const check: typeof beside.store.check = (options) => {
    asked.s3 += 1
    return beside.store.check(options)
  }
  const gateway = await startGateway({ store: { ...beside.store, check } }, beside)
  const { jobQueue } = gateway
  const ask = jobQueue.check.bind(jobQueue)
  jobQueue.check = () => {
    asked.redis += 1
    return ask()
  }
  let over = false
  const statuses = new Map<number, number>()
  const flood = Array.from({ length: 40 }, async (_, i) => {
    while (!over) {
      const response = await fetch(`${gateway.url}${['/api/health', '/health/ready', '/metrics'][i % 3]}`)
      await response.bytes() // an unread body would keep its connection
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    }
  })
  try {
    const client = new Client(gateway.url)
    const started = performance.now()
    for (let i = 0; i < 10; i += 1) expect((await client.pictures(await photo())).status).toBe(202)
    await expect.poll(() => statuses.get(200) ?? 0, { timeout: 30_000 }).toBeGreaterThan(500)
    over = true
    await Promise.all(flood)
    const seconds = (performance.now() - started) / 1000

    expect([...statuses.keys()]).toEqual([200])
    for (const count of Object.values(asked)) {
      expect(count).toBeGreaterThan(0)
      expect(count).toBeLessThanOrEqual(seconds + 1)
    }
  } finally {
    over = true
    await Promise.allSettled(flood)
    await gateway.close()
    await beside.close()
  }
})
