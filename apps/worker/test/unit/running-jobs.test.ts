import { expect, test } from 'vitest'
import { RunningJobs } from '../../src/lane.ts'

test('waiting ends when the last job has ended, successfully or not, including those that begin meanwhile', async () => {
  const jobs = new RunningJobs()
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
  jobs.add(first.promise)
  let ended = false
  const end = jobs.ended().then(() => {
    ended = true
  })

  const late = jobs.add(second.promise)
  first.resolve('done')
  await new Promise((resolve) => setImmediate(resolve))
  expect({ ended, running: jobs.running }).toEqual({ ended: false, running: 1 })

  second.reject(new Error('the store is unavailable'))
  await end
  await expect(late).rejects.toThrow('the store is unavailable')
  expect(jobs.running).toBe(0)
})

test('without jobs waiting ends at once', async () => {
  await expect(new RunningJobs().ended()).resolves.toBeUndefined()
})
