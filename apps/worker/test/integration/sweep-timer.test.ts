import type { SweepReport } from '@airlock/lifecycle'
import { waitFor } from '@airlock/testkit'
import { expect } from 'vitest'
import { SweepTimer } from '../../src/timers.ts'
import { type Airlock, sweepOptions, test } from '../airlock.ts'

type Sweeper = Airlock['servers']['database']['sweeper']

/** A timer that sweeps continuously, with real servers. */
function busyTimer({ servers, queues, log }: Airlock, sweeper: Partial<Sweeper> = {}) {
  const swept: SweepReport[] = []
  const { uploads, assets } = servers.database
  const timer = new SweepTimer(
    { ...sweepOptions, everySeconds: 0.05, onSwept: (report) => swept.push(report) },
    { uploads, assets, sweeper: { ...servers.database.sweeper, ...sweeper }, store: servers.store, jobQueue: queues.jobQueue, log },
  )
  return { timer, swept }
}

test('sweeps are repeated, and each logs what it did', async ({ airlock }) => {
  const { timer, swept } = busyTimer(airlock)
  timer.start()
  await waitFor(() => swept.length >= 3, { what: 'three sweeps' })
  await timer.stop()
  expect(new Set(swept.flatMap((report) => Object.values(report)))).toEqual(new Set([0]))
})

test('a failed sweep is logged, and the next one follows', async ({ airlock }) => {
  const { take } = airlock.servers.database.sweeper
  let asked = 0
  const { timer, swept } = busyTimer(airlock, {
    take: async (...args) => {
      asked += 1
      if (asked === 1) throw new Error('Postgres is unavailable')
      return take(...args)
    },
  })
  timer.start()
  await waitFor(() => swept.length > 0, { what: 'a sweep' })
  await timer.stop()
  expect(airlock.log.withMessage('sweep failed, the next one retries')).toMatchObject([{ err: { message: 'Postgres is unavailable' } }])
})

test('nothing is logged while another worker sweeps', async ({ airlock }) => {
  let asked = 0
  const { timer, swept } = busyTimer(airlock, {
    take: async () => {
      asked += 1
      return null
    },
  })
  timer.start()
  await waitFor(() => asked > 1, { what: 'two attempts to take the lease of another sweeper' })
  await timer.stop()
  expect(swept).toEqual([])
})
