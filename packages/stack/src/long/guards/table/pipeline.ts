import type { Guard } from '../guard.ts'

/** The pipeline's door: its inbox, its jobs, and other buckets. */
export const pipeline: readonly Guard[] = [
  {
    keeps: 'a video that nobody announced is looked for',
    file: 'packages/lifecycle/src/sweep/inbox.ts',
    edits: [['return { items, next:', 'return { items: [], next:']],
    test: {
      file: 'apps/worker/test/integration/pipeline.test.ts',
      title: 'a video whose job nobody ever sent becomes an asset all the same',
    },
  },
  {
    keeps: 'what one object says badly keeps no other waiting',
    file: 'packages/lifecycle/src/sweep/inbox.ts',
    edits: [
      [
        'const isTheirs = error instanceof PayloadMalformed || error instanceof URIError || error instanceof SyntaxError',
        'const isTheirs = false',
      ],
    ],
    test: { file: 'packages/lifecycle/test/integration/sweep-inbox.test.ts', title: 'a video that $what is told, and never removed' },
  },
  {
    keeps: 'a pipeline does not wait for a Redis that is away',
    file: 'packages/queue/src/impatient-queues.ts',
    edits: [
      ['await Promise.race([this.#connected(answered.signal).then(call), late])', 'await this.#connected(answered.signal).then(call)'],
    ],
    test: {
      file: 'packages/queue/test/integration/producer-redis-away.test.ts',
      title: 'a producer whose Redis is away says so in 1.5 s, sends nothing later, and enqueues when it is back',
    },
  },
  {
    keeps: 'one of many deliveries registers, and tells it',
    file: 'packages/lifecycle/src/register-video.ts',
    edits: [["  if (outcome === 'registered') tellRegistered(upload, deps)\n", '']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-inbox.test.ts',
      title: 'of ten deliveries at once one registers, and one asset comes of it',
    },
  },
  {
    keeps: 'the sweeper rings where Redis forgot',
    file: 'packages/lifecycle/src/sweep/inbox.ts',
    edits: [["return (await bell.ringForVideo(payload)) ? 'moved' : 'nothing to do'", "return 'moved'"]],
    test: {
      file: 'apps/worker/test/slow/redis-emptied.test.ts',
      title: 'a hundred videos are on their way when Redis forgets everything, and each becomes one asset',
    },
  },
  {
    keeps: 'one project does not take every place',
    file: 'apps/worker/src/jobs/process-upload.ts',
    edits: [['maxRunning: deps.maxRunningPerProject', 'maxRunning: 0']],
    test: {
      file: 'apps/worker/test/integration/pipeline.test.ts',
      title: 'a project that floods the queue leaves a place for the video of another',
    },
  },
  {
    keeps: 'a worker that died takes no place',
    file: 'packages/database/src/migrations/1795478400015-open-pipeline-door.ts',
    edits: [["state = 'processing' and lease_until > now() and door = 'pipeline'", "state = 'processing' and door = 'pipeline'"]],
    test: { file: 'packages/database/test/integration/videos.test.ts', title: 'lets the next one in when one ends, or its worker is gone' },
  },
  {
    keeps: 'who registers again finds what was registered',
    file: 'packages/lifecycle/src/register-video.ts',
    edits: [
      ['  if (known !== null) return { upload: mustBeOf(known, video) }\n', ''],
      ["  if (outcome === 'registered') tellRegistered(upload, deps)\n", "  if (outcome !== 'registered') throw new Error(outcome)\n"],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/faults-inbox.test.ts',
      title: 'a video whose worker dies %s %s becomes exactly one asset',
    },
  },
  {
    keeps: 'what is announced must be there',
    file: 'packages/lifecycle/src/register-video.ts',
    edits: [
      ['  if (object === null) return endedMeanwhile(video, deps)\n', "  if (object === null) throw new Error('nothing is there')\n"],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/faults-inbox.test.ts',
      title: 'nothing at the key is a failure for good, unless the upload has ended',
    },
  },
  {
    keeps: 'the object itself says whose it is',
    file: 'packages/lifecycle/src/register-video.ts',
    edits: [['  mustBelong(object, video)\n', '']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-inbox.test.ts',
      title: 'an object that $what is refused for good, and stays untouched',
    },
  },
  {
    keeps: 'an id is one upload',
    file: 'packages/lifecycle/src/register-video.ts',
    edits: [['  if (differing === undefined) return upload\n', '  return upload\n']],
    test: {
      file: 'apps/worker/test/integration/pipeline.test.ts',
      title: 'a video under the id of an upload of another door fails for good, and its object stays, told and untouched',
    },
  },
  {
    keeps: 'a video of nobody is rejected',
    file: 'packages/lifecycle/src/register-video.ts',
    edits: [["  if (outcome === 'ownerless') await deps.uploads.cancel(upload.id, refusal('unknown_user', {}))\n", '']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-inbox.test.ts',
      title: 'a video of a user that can not be is rejected, and its object is asked to be purged',
    },
  },
  {
    keeps: 'an asset whose upload was forgotten is known',
    file: 'packages/database/src/migrations/1795478400015-open-pipeline-door.ts',
    edits: [["    if exists (select from assets where assets.upload_id = added.id) then return 'asset'; end if;\n", '']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-inbox.test.ts',
      title: 'what stands in the inbox of an asset whose upload was forgotten makes no second one, and goes',
    },
  },
  {
    keeps: 'the hash is in the row before the asset is',
    file: 'packages/lifecycle/src/measure.ts',
    edits: [['  await uploads.learnHash(claim, hash)\n', '']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-inbox.test.ts',
      title: 'a video of the inbox whose worker dies $when $step becomes exactly one asset',
    },
  },
  {
    keeps: 'an operator hears that a video is not the one that was registered',
    file: 'packages/lifecycle/src/park.ts',
    edits: [["return { kind: 'park', code: 'upload_vanished' }", "return { kind: 'park', code: 'processing_failed' }"]],
    test: {
      file: 'packages/lifecycle/test/integration/faults-inbox.test.ts',
      title: 'a video that is replaced after it was registered is never promoted, and an operator hears of it',
    },
  },
  {
    keeps: 'the hash that was announced is compared',
    file: 'packages/lifecycle/src/measure.ts',
    edits: [['expectedHash !== null && expectedHash !== hash', 'false']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-inbox.test.ts',
      title: 'a video that $what is rejected, and its object removed',
    },
  },
  {
    keeps: 'what is left in the inbox is looked through',
    file: 'packages/lifecycle/src/sweep/leftovers.ts',
    edits: [['?? inboxPrefix\n', '?? quarantinePrefix\n']],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-inbox.test.ts',
      title: 'what the store kept of a video that has ended is removed by a later sweep',
    },
  },
  {
    keeps: 'a Redis that is away ends no sweep',
    file: 'packages/lifecycle/src/sweep/inbox.ts',
    edits: [['    if (!(err instanceof BellUnreachable)) throw err\n', '    throw err\n']],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-inbox.test.ts',
      title: 'with Redis away the sweeper goes on with its other rules, and rings in a later sweep',
    },
  },
  {
    keeps: 'ages in the inbox count by the clock of Postgres',
    file: 'packages/lifecycle/src/sweep/inbox.ts',
    edits: [['(await uploads.clock()).getTime() - inboxRingAfterSeconds', 'Date.now() - inboxRingAfterSeconds']],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-inbox.test.ts',
      title: 'a video is left to its producer for a while, whatever the clock of the worker says',
    },
  },
  {
    keeps: 'nobody is rung for before the row is there',
    file: 'packages/lifecycle/src/accept-from-bucket.ts',
    edits: [
      [
        '  const { outcome, upload } = await deps.uploads.registerVideo(',
        "  await deps.bell.ring('videos', video)\n  const { outcome, upload } = await deps.uploads.registerVideo(",
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/other-buckets.test.ts',
      title: 'a gateway that dies $when $verb has written down all or nothing, and the same request again makes one asset of it',
    },
  },
  {
    keeps: 'an acceptance from another bucket does not depend on Redis',
    file: 'packages/lifecycle/src/accept-from-bucket.ts',
    edits: [["    .catch((err: unknown) => log.warn({ uploadId, requestId, err }, 'no worker woken, the sweeper will'))\n", '']],
    test: { file: 'apps/gateway/test/integration/pipeline.test.ts', title: 'with Redis away a video is accepted all the same' },
  },
  {
    keeps: 'nobody waits for a store that is silent',
    file: 'apps/gateway/src/guarded-servers.ts',
    edits: [['    head: (object) => availability.through(() => store.head(object)),\n', '']],
    test: {
      file: 'apps/gateway/test/integration/pipeline.test.ts',
      title: 'with the store %s a video is 503, within 5 s and then at once',
    },
  },
  {
    keeps: 'a Postgres that is away is our fault, and told as that',
    file: 'apps/gateway/src/plugins/errors.ts',
    edits: [["  if (error instanceof DatabaseUnavailable) return new AirlockError('database_unavailable', {}, { cause: error })\n", '']],
    test: { file: 'apps/gateway/test/integration/pipeline.test.ts', title: 'with Postgres away a video is 503, and nothing is rung for' },
  },
  {
    keeps: 'a video that changed is parked at once',
    file: 'packages/lifecycle/src/park.ts',
    edits: [['if (cause instanceof ObjectChanged || cause instanceof ObjectMissing) return', 'if (cause instanceof ObjectMissing) return']],
    test: {
      file: 'packages/lifecycle/test/integration/other-buckets.test.ts',
      title: 'a video that is replaced after its acceptance is never promoted',
    },
  },
  {
    keeps: 'a video of another bucket is read where it lies',
    file: 'packages/lifecycle/src/waiting-bytes.ts',
    edits: [['  source ?? quarantineKey', '  quarantineKey']],
    test: {
      file: 'packages/lifecycle/test/integration/other-buckets.test.ts',
      title: 'a video of another bucket whose worker dies $when $step becomes exactly one asset, and is left alone',
    },
  },
]
