import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { UploadRecord } from '@airlock/database'
import type { Servers } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type Airlock, test } from '../airlock.ts'

const acceptsMany = async (airlock: Airlock, count: number, userId: string): Promise<UploadRecord[]> => {
  const uploads: UploadRecord[] = []
  for (let i = 0; i < count; i++) uploads.push(await airlock.accepts(samples.logo, { userId }))
  return uploads
}

/** A store whose reads of one user's files are slow, so that each occupies an inspector. */
function slowStore({ store, database }: Servers, flooder: string, ms: number): Servers['store'] {
  return {
    ...store,
    source: (object, pinned) => {
      const source = store.source(object, pinned)
      const key = typeof object === 'string' ? object : object.key
      const owner = database.uploads.byId(key.split('/').at(-1) ?? '')
      return {
        ...source,
        read: async (offset, length) => {
          if ((await owner)?.userId === flooder) await setTimeout(ms)
          return source.read(offset, length)
        },
      }
    },
  }
}

test('after 100 slow files of one user, with two inspectors, another user’s files take little longer than on an idle worker', {
  meta: { id: 'fairness-hundred-slow-files' },
  timeout: 300_000,
}, async ({ airlock, servers }) => {
  const [flooder, other] = [randomUUID(), randomUUID()]
  airlock.startsWorker({ store: slowStore(servers, flooder, 1500), concurrency: 2, lanes: ['images'] })
  const measured = async (): Promise<number> => {
    const ms: number[] = []
    for (let i = 0; i < 20; i++) {
      const started = performance.now()
      const [upload] = await acceptsMany(airlock, 1, other)
      await airlock.comesTo('completed', upload as UploadRecord)
      ms.push(performance.now() - started)
    }
    return ms.sort((a, b) => a - b)[Math.ceil(0.95 * ms.length) - 1] ?? 0
  }
  // both inspectors start
  const first = [...(await acceptsMany(airlock, 2, flooder)), ...(await acceptsMany(airlock, 2, other))]
  for (const upload of first) await airlock.comesTo('completed', upload)
  const idle = await measured()
  await acceptsMany(airlock, 100, flooder)
  const flooded = await measured()

  process.stderr.write(`p95 of another user: ${Math.round(idle)} ms idle, ${Math.round(flooded)} ms with 100 slow files before\n`)
  expect(flooded).toBeLessThanOrEqual(Math.max(2 * idle, idle + 1000))
})
