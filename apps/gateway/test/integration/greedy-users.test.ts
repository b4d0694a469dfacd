import { expect, onTestFinished, test } from 'vitest'
import { Client, logo, type Overrides, type RunningGateway, startGateway } from '../gateway.ts'
import { type SlowCrowd, slowCrowd } from '../slow-crowd.ts'

const patience = { maxSeconds: 3600, idleSeconds: 300, minBytesPerSecond: 1024 }

/** A gateway with as many permits as by default, and slow uploads of some users who hold all that they can get. */
async function crowded(users: number, { count, goesOn, ...overrides }: { count: number; goesOn: boolean } & Overrides) {
  const gateway = await startGateway({ patience, filesPerHour: 10_000, maxFilesInFlight: 64, ...overrides })
  const greedy = Array.from({ length: users }, () => new Client(gateway.url))
  const crowds = await Promise.all(greedy.map((client) => slowCrowd(gateway.url, client, { count, goesOn })))
  onTestFinished(async () => {
    for (const crowd of crowds) crowd.disperse()
    await gateway.close()
  })
  await expect.poll(() => begun(gateway), { timeout: 60_000 }).toBeGreaterThanOrEqual(Math.min(60, users * count))
  return { gateway, crowds }
}

/** How many uploads the gateway has begun to receive. */
const begun = (gateway: RunningGateway): number => gateway.asked.s3

const refusals = (crowds: readonly SlowCrowd[]): string[] => crowds.flatMap((crowd) => crowd.answers()).filter((answer) => answer !== '')

test.for([
  { goesOn: true, how: 'at 1.2 kB a second' },
  { goesOn: false, how: 'of which only the beginning comes' },
])('one user’s hundred uploads $how keep nobody else waiting', { timeout: 120_000 }, async ({ goesOn }) => {
  const { gateway } = await crowded(1, { count: 100, goesOn })
  const picture = await logo()

  const answers = await Promise.all(Array.from({ length: 8 }, () => new Client(gateway.url).pictures(picture)))

  // whoever waits for 5 s gets 503
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(202))
})

test('of a user who holds every permit the slowest upload is ended when another comes, with a reason, and does not count', {
  timeout: 120_000,
}, async () => {
  const { gateway, crowds } = await crowded(1, { count: 8, goesOn: true, maxFilesInFlight: 8 })
  const picture = await logo()
  await expect.poll(() => begun(gateway)).toBe(8)

  expect((await new Client(gateway.url).pictures(picture)).status).toBe(202)

  await expect.poll(() => refusals(crowds)).toHaveLength(1)
  const [answer = ''] = refusals(crowds)
  expect(answer).toMatch(/^HTTP\/1\.1 429 /)
  expect(answer).toMatch(/\r\nretry-after: 5\r\n/i)
  expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
    code: 'upload_share_exceeded',
    detail: expect.stringMatching(/'slow\.jpg'.* 8 files .*share is 4\b/),
  })
  const ended = (await gateway.uploads()).filter(({ error_code }) => error_code === 'upload_share_exceeded')
  expect(ended).toMatchObject([{ state: 'abandoned', counted: false }])
})

test('with ten users who hold all permits, an eleventh waits no longer than he may', { timeout: 180_000 }, async () => {
  const { gateway } = await crowded(10, { count: 20, goesOn: true })
  const picture = await logo()

  const answer = await new Client(gateway.url).pictures(picture)

  expect(answer.status).toBe(202)
})

test('two users within their share are left alone, however slow they are, while a third has to wait', { timeout: 120_000 }, async () => {
  const { gateway, crowds } = await crowded(2, { count: 1, goesOn: false, maxFilesInFlight: 2 })
  const picture = await logo()
  await expect.poll(() => begun(gateway)).toBe(2)

  const third = await new Client(gateway.url).pictures(picture)

  expect(third).toMatchObject({ status: 503, body: { code: 'overloaded' } })
  expect(refusals(crowds)).toEqual([])
})
