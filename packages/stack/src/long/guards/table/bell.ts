import type { Guard } from '../guard.ts'

/** The bell. */
export const bell: readonly Guard[] = [
  {
    keeps: 'an acceptance does not depend on Redis',
    file: 'packages/lifecycle/src/accept.ts',
    edits: [["        .catch((err: unknown) => log.warn({ uploadId, requestId, err }, 'no worker woken, the sweeper will'))\n", '']],
    test: {
      file: 'packages/lifecycle/test/integration/accept.test.ts',
      title: 'with Redis away a file is accepted all the same, and the sweeper wakes a worker when Redis is back',
    },
  },
  {
    keeps: 'nobody waits for a Redis that is away',
    file: 'apps/gateway/src/guarded-servers.ts',
    edits: [['ring: (...args) => redis.through(() => bell.ring(...args)),', 'ring: (...args) => bell.ring(...args),']],
    test: {
      file: 'apps/gateway/test/slow/servers-away.test.ts',
      title: 'Redis %s: uploads are accepted, jobs and assets answer, and nobody waits for it',
    },
  },
  {
    keeps: 'uploads that wait without a job are looked for',
    file: 'packages/database/src/uploads/unmoved.ts',
    edits: [
      [
        "=> batch('received', 'updatedAt', olderThanSeconds, options)",
        "=> batch('received', 'updatedAt', 1e6 * olderThanSeconds, options)",
      ],
    ],
    test: {
      file: 'apps/worker/test/integration/faults-redis.test.ts',
      title: 'what is accepted while Redis has no memory left is worked on once it has, and jobs that ran meanwhile end well',
    },
  },
  {
    keeps: 'an upload has one job',
    file: 'packages/queue/src/job-options.ts',
    edits: [['    jobId: payload.upload_id.toLowerCase(),\n', '']],
    test: { file: 'packages/queue/test/integration/bell.test.ts', title: 'two rings for one upload wake one worker' },
  },
  {
    keeps: 'a failed job makes room',
    file: 'packages/queue/src/bell.ts',
    edits: [["      await this.#queues.reachable('remove the finished job', () => known.remove())\n", '']],
    test: {
      file: 'packages/queue/test/integration/bell.test.ts',
      title: 'a failed job that is kept for a look does not keep its upload from being rung for again',
    },
  },
  {
    keeps: 'every worker sweeps',
    file: 'apps/worker/src/app.ts',
    edits: [['of [sweeper, purger, upkeep, relay]) timer.start()', 'of [purger, upkeep, relay]) timer.start()']],
    test: {
      file: 'apps/worker/test/integration/redis-away.test.ts',
      title: 'a Redis that forgets everything while jobs run loses none of them',
    },
  },
  {
    keeps: 'what a clock put off too far is brought forward',
    file: 'packages/queue/src/bell.ts',
    edits: [
      ["      if (state === 'delayed' && isDue) return this.#queues.reachable('bring the job forward', () => broughtForward(known))\n", ''],
    ],
    test: {
      file: 'packages/queue/test/integration/bell.test.ts',
      title: 'a job that is running is not rung for again, and one that waits for its next try is brought forward',
    },
  },
  {
    keeps: 'the sweeper rings where Redis knows of no job',
    file: 'packages/queue/src/bell.ts',
    edits: [['    await this.#add(lane, job, priority)\n    return true', '    void priority\n    return true']],
    test: {
      file: 'apps/worker/test/slow/redis-emptied.test.ts',
      title: 'a thousand uploads wait when Redis forgets everything, and each becomes one asset',
    },
  },
  {
    keeps: 'the sweeper looks for what waits',
    file: 'packages/lifecycle/src/sweep/sweep.ts',
    edits: [['  waiting,\n  lapsed,\n  unused', '  unused']],
    test: {
      file: 'apps/worker/test/integration/redis-away.test.ts',
      title: 'a Redis that forgets everything while jobs run loses none of them',
    },
  },
]
