import { defaultSizeLimits } from '@airlock/domain'
import { defaultIsolation } from '@airlock/inspection/isolated'
import { expect } from 'vitest'
import { test } from '../airlock.ts'
import { samples } from '../samples.ts'

const limits = { maxBytes: defaultSizeLimits, maxPixels: 100_000_000 }

test('a file that its inspector never gets done with is parked after three tries, and other files go on', async ({ airlock }) => {
  const maxSeconds = { ...defaultIsolation.maxSeconds, picture: 0.001 }
  airlock.startsWorker({ inspection: { ...defaultIsolation, maxSeconds, limits } })
  const [picture, video] = [await airlock.accepts(samples.photo), await airlock.accepts(samples.scene)]

  await airlock.comesTo('completed', video)
  expect(await airlock.comesTo('parked', picture)).toMatchObject({
    attempt: 3,
    refusal: { code: 'inspection_failed' },
    lastFault: 'inspection failed 3×: took longer than 0.001 s',
  })
  expect(await airlock.quarantine()).toEqual([picture.quarantineKey])
})

test('a file that needs more memory than there may be takes no worker down', async ({ airlock }) => {
  airlock.startsWorker({ inspection: { ...defaultIsolation, maxMemoryMiB: 20, limits } })
  const picture = await airlock.accepts(samples.photo)

  expect(await airlock.comesTo('parked', picture)).toMatchObject({
    refusal: { code: 'inspection_failed' },
    lastFault: expect.stringContaining('needed more than 20 MiB'),
  })
})

test('the limit of pixels is the one that the worker is told', async ({ airlock }) => {
  airlock.startsWorker({ inspection: { ...defaultIsolation, limits: { ...limits, maxPixels: 1000 } } })

  expect(await airlock.comesTo('rejected', await airlock.accepts(samples.photo))).toMatchObject({ refusal: { code: 'too_many_pixels' } })
})
