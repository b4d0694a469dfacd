import { expect, test } from 'vitest'
import { RunningJobs } from '../../src/lane.ts'

test('the end comes when the last job has ended, well or badly, those included that begin meanwhile', async () => {
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

  second.reject(new Error('the store is away'))
  await end
  await expect(late).rejects.toThrow('the store is away')
  expect(jobs.running).toBe(0)
})

test('without jobs the end is there', async () => {
  await expect(new RunningJobs().ended()).resolves.toBeUndefined()
})
