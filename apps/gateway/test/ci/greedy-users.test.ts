import { expect, onTestFinished, test } from 'vitest'
import { Client, logo, type Overrides, type RunningGateway, startGateway } from '../gateway.ts'
import { type SlowCrowd, slowCrowd } from '../slow-crowd.ts'

const bodyTimeouts = { maxSeconds: 3600, idleSeconds: 300, minBytesPerSecond: 1024 }

/** A gateway with the default number of permits. */
async function quiet(overrides: Overrides = {}): Promise<RunningGateway> {
  const gateway = await startGateway({ bodyTimeouts, filesPerHour: 10_000, maxFilesInFlight: 64, ...overrides })
  onTestFinished(() => gateway.close())
  return gateway
}

/** Starts slow uploads of some users. When it returns, they hold all permits that they can get. */
async function gather(gateway: RunningGateway, { users, count, goesOn }: { users: number; count: number; goesOn: boolean }) {
  const before = begun(gateway)
  const greedy = Array.from({ length: users }, () => new Client(gateway.url))
  const crowds = await Promise.all(greedy.map((client) => slowCrowd(gateway.url, client, { count, goesOn })))
  onTestFinished(() => {
    for (const crowd of crowds) crowd.disperse()
  })
  await expect
    .poll(() => begun(gateway) - before, { timeout: 60_000 })
    .toBeGreaterThanOrEqual(Math.min(users === 1 ? 60 : 64, users * count))
  return crowds
}

async function withSlowUsers(users: number, { count, goesOn, ...overrides }: { count: number; goesOn: boolean } & Overrides) {
  const gateway = await quiet(overrides)
  return { gateway, crowds: await gather(gateway, { users, count, goesOn }) }
}

/** The number of uploads that the gateway has begun to receive. */
const begun = (gateway: RunningGateway): number => gateway.asked.s3

const refusals = (crowds: readonly SlowCrowd[]): string[] => crowds.flatMap((crowd) => crowd.answers()).filter((answer) => answer !== '')

/** Uploads a small picture of another user. @returns the time from the first byte sent to the response, in ms, and its status */
async function timeOfAnother(gateway: RunningGateway): Promise<{ status: number; ms: number }> {
  const client = new Client(gateway.url)
  const [picture] = await Promise.all([logo(), client.token()])
  const sent = performance.now()
  const { status } = await client.pictures(picture)
  return { status, ms: performance.now() - sent }
}

/** Uploads five pictures of five users, one after the other. */
async function timesOfOthers(gateway: RunningGateway): Promise<{ statuses: number[]; slowestMs: number }> {
  const answers: { status: number; ms: number }[] = []
  while (answers.length < 5) answers.push(await timeOfAnother(gateway))
  return { statuses: answers.map(({ status }) => status), slowestMs: Math.max(...answers.map(({ ms }) => ms)) }
}

/** On a slow machine the bound is this multiple of the time that the same five pictures took without the slow uploads. */
const slack = 4

test.for([
  { users: 1, count: 100, withinMs: 1000, goesOn: true, crowd: 'one user’s hundred uploads at 1.2 kB a second' },
  { users: 1, count: 100, withinMs: 1000, goesOn: false, crowd: 'one user’s hundred uploads that stop after their beginning' },
  { users: 10, count: 20, withinMs: 5000, goesOn: true, crowd: 'ten users’ two hundred uploads at 1.2 kB a second' },
])(
  'next to $crowd, another user’s picture is accepted within $withinMs ms',
  { meta: { id: 'slow-uploads-of-other-users' }, timeout: 180_000 },
  async (crowd, { annotate }) => {
    const { withinMs } = crowd
    const gateway = await quiet()
    const idle = await timesOfOthers(gateway)
    await gather(gateway, crowd)

    const beside = await timesOfOthers(gateway)

    await annotate(`slowest of five: ${idle.slowestMs.toFixed()} ms idle, ${beside.slowestMs.toFixed()} ms beside the crowd`)
    expect(beside.statuses).toEqual(Array(5).fill(202))
    expect(beside.slowestMs).toBeLessThan(Math.max(withinMs, slack * idle.slowestMs))
  },
)

test('one user’s hundred uploads do not delay those of eight others', { timeout: 120_000 }, async () => {
  const { gateway } = await withSlowUsers(1, { count: 100, goesOn: true })
  const picture = await logo()

  const answers = await Promise.all(Array.from({ length: 8 }, () => new Client(gateway.url).pictures(picture)))

  // a file that waits for 5 s gets 503
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(202))
})

test('if a user has all permits and another one comes, the slowest upload is ended with a reason, and does not count', {
  timeout: 120_000,
}, async () => {
  const { gateway, crowds } = await withSlowUsers(1, { count: 8, goesOn: true, maxFilesInFlight: 8 })
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

test('slow uploads of two users within their share are not ended while a third one waits', { timeout: 120_000 }, async () => {
  const { gateway, crowds } = await withSlowUsers(2, { count: 1, goesOn: false, maxFilesInFlight: 2 })
  const picture = await logo()
  await expect.poll(() => begun(gateway)).toBe(2)

  const third = await new Client(gateway.url).pictures(picture)

  expect(third).toMatchObject({ status: 503, body: { code: 'overloaded' } })
  expect(refusals(crowds)).toEqual([])
})
