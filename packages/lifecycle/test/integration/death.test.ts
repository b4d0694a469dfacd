import { refusal } from '@airlock/domain'
import { largeScene, samples } from '@airlock/testkit/samples'
import { type Airlock, test } from '../airlock.ts'

/** The steps of a run that ends with an asset, in order, by call. */
const steps = ['claim', 'read', 'copyToFinal', 'complete', 'purge'] as const

/** The steps of a run that ends with a rejection. */
const stepsOfRejection = ['claim', 'read', 'reject', 'purge'] as const

const moments = [
  { when: 'before', fate: 'diesBefore' },
  { when: 'after', fate: 'diesAfter' },
] as const

const deaths = <Step extends string>(steps: readonly Step[]) =>
  steps.flatMap((step) => moments.map(({ when, fate }) => ({ when, step, fate: { [fate]: step } })))

/** After a death: the lease expires and the job runs again, as often as necessary. */
async function comesAgain(airlock: Airlock, upload: { id: string }) {
  await airlock.leaseExpires(upload).catch(() => {}) // a final row has none
  return airlock.worker().process(upload)
}

test.for(deaths(steps))(
  'a picture whose worker dies $when $step becomes exactly one asset',
  { meta: { id: 'picture-worker-dies-at-any-step' } },
  async ({ fate }, { airlock, expect }) => {
    const upload = await airlock.accepts(samples.photo)
    expect(await airlock.worker(fate).process(upload)).toEqual({ ended: 'died' })
    // Invariant 9. A later run could complete the upload from its copy alone, so the end shows nothing of it.
    if ((await airlock.stateOf(upload)) !== 'completed') expect(await airlock.quarantine()).toEqual([upload.quarantineKey])

    await comesAgain(airlock, upload)

    expect(await airlock.assetsOf(upload)).toHaveLength(1)
    expect(await airlock.quarantine()).toEqual([])
    expect(await airlock.finalObjects()).toEqual([upload.finalKey])
    expect((await airlock.bytesAt(upload.finalKey ?? '')).equals(samples.photo.bytes)).toBe(true)
  },
)

test.for(deaths(['copyToFinal', 'complete', 'purge'] as const))(
  'a large video whose worker dies $when $step becomes exactly one asset',
  { meta: { id: 'large-video-worker-dies-at-any-step' } },
  async ({ fate }, { airlock, expect }) => {
    const upload = await airlock.accepts(largeScene())
    await airlock.worker(fate).process(upload)

    await comesAgain(airlock, upload)

    expect(await airlock.assetsOf(upload)).toHaveLength(1)
    expect(await airlock.quarantine()).toEqual([])
    expect(await airlock.finalObjects()).toEqual([upload.finalKey])
  },
)

test.for(deaths(stepsOfRejection))(
  'a bad picture whose worker dies $when $step is rejected, and leaves no bytes',
  { meta: { id: 'rejection-worker-dies-at-any-step' } },
  async ({ fate }, { airlock, world, expect }) => {
    const upload = await airlock.accepts(samples.brokenPhoto)
    await airlock.worker(fate).process(upload)

    await comesAgain(airlock, upload)

    expect(await airlock.of(upload)).toMatchObject({ state: 'rejected', refusal: { code: 'file_corrupt' } })
    expect(await world.bucket.keys()).toEqual([])
    expect(await airlock.assetsOf(upload)).toEqual([])
  },
)

test.for(deaths(steps))(
  'three workers that die $when $step and one that survives create one asset',
  async ({ fate }, { airlock, expect }) => {
    const upload = await airlock.accepts(samples.photo)
    for (let i = 0; i < 3; i += 1) {
      await airlock
        .worker(fate)
        .process(upload)
        .catch(() => {}) // a run that finds the work done does not reach its death
      await airlock.leaseExpires(upload).catch(() => {})
    }
    await comesAgain(airlock, upload)
    expect(await airlock.assetsOf(upload)).toHaveLength(1)
    expect(await airlock.quarantine()).toEqual([])
  },
)

test('a parked file keeps its bytes, whatever happens', { meta: { id: 'parked-file-keeps-bytes' } }, async ({ airlock, expect }) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.uploads.park(await airlock.claims(upload), refusal('processing_failed', upload), 'the disk is full')
  await airlock.worker().process(upload)
  await airlock.ages(upload, 1_000_000)
  await airlock.sweeps()
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
})
