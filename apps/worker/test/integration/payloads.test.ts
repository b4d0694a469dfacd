import { type JobResult, parseJobResult } from '@airlock/queue'
import { waitFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { storedPayloads } from '../../../../packages/queue/test/stored-payloads.ts'
import { type Airlock, test } from '../airlock.ts'

const ofSchema = (kind: string) => storedPayloads.filter(({ name }) => name.startsWith(kind))

/** Adds a job to the queue of videos like another program, with its own options. @returns the job's id */
const adds = (airlock: Airlock, name: string, data: unknown): Promise<string> =>
  airlock.queues.onLane('videos', async (queue) => (await queue.add(name, data, { attempts: 100 })).id ?? '')

const endOf = async (airlock: Airlock, id: string) => {
  await waitFor(async () => ['completed', 'failed'].includes(await airlock.jobState({ id }, 'videos')), { what: `job ${id} to end` })
  const job = await airlock.queues.onLane('videos', (queue) => queue.getJob(id))
  return { failedReason: job?.failedReason, attemptsMade: job?.attemptsMade, returned: job?.returnvalue }
}

test.for(ofSchema('generated-video'))('an old $name still becomes an asset', async ({ data }, { airlock, expect }) => {
  const userId = String(data.user_id).toLowerCase()
  await airlock.servers.bucket.put(String(data.key), samples.scene.bytes, { 'user-id': userId, filename: 'scene-01.mp4' })
  airlock.startsWorker()
  const { returned } = await endOf(airlock, await adds(airlock, 'generated_video', data))
  const result: JobResult = parseJobResult(returned)
  expect(result).toMatchObject({ status: 'completed', upload_id: String(data.upload_id).toLowerCase() })
  expect(await airlock.assetsOf({ id: result.upload_id })).toMatchObject([{ id: result.asset_id, userId }])
  const expected = { filename: data.filename, clientMetadata: data.metadata ?? null, priority: data.priority ?? 'batch' }
  expect(await airlock.of({ id: result.upload_id })).toMatchObject(expected)
})

test.for(ofSchema('process-upload'))('an old $name still ends its upload', async ({ data }, { airlock }) => {
  const upload = await airlock.accepts(samples.scene)
  await airlock.queues.onLane('videos', (queue) => queue.obliterate({ force: true }))
  await adds(airlock, 'process_upload', { ...data, upload_id: upload.id })
  airlock.startsWorker()
  await airlock.comesTo('completed', upload)
})

const [smallest] = ofSchema('generated-video.v1.smallest')

test.for([
  { what: 'an unsupported version', broken: { version: 2 }, reason: 'generated_video/version: 2 is not supported here, only 1' },
  { what: 'no user', broken: { user_id: undefined }, reason: 'generated_video: must have required properties user_id' },
  { what: 'a key outside the inbox', broken: { key: 'brand-images/x.mp4' }, reason: 'generated_video/key: must match pattern' },
  {
    what: 'an unknown field',
    broken: { url: 'http://127.0.0.1/x.mp4' },
    reason: 'generated_video/url: is not a field of version 1',
  },
])("a video's job with $what fails permanently at its first attempt with a reason", async ({ broken, reason }, { airlock, expect }) => {
  airlock.startsWorker()
  const end = await endOf(airlock, await adds(airlock, 'generated_video', { ...smallest?.data, ...broken }))
  expect(end).toMatchObject({ attemptsMade: 1, failedReason: expect.stringContaining(reason) })
  const [line] = airlock.log.withMessage(
    'job payload violates its schema, not retried; a video in the inbox is still accepted by its metadata',
  )
  expect(line).toMatchObject({ job: 'generated_video' })
})
