import type { Guard } from '../guard.ts'

/** Telling endpoints of events. */
export const webhooks: readonly Guard[] = [
  {
    keeps: 'one fans out at a time',
    file: 'packages/database/src/webhooks/repository.ts',
    edits: [['where endpoint = $1 for update', 'where endpoint = $1']],
    test: { file: 'packages/database/test/integration/webhooks.test.ts', title: 'many who fan out at once make each delivery once' },
  },
  {
    keeps: 'an attempt that fails is followed by another',
    file: 'packages/lifecycle/src/webhooks/deliver.ts',
    edits: [['final ? 0 : options.giveUpAfterSeconds', 'final ? 0 : 0 * options.giveUpAfterSeconds']],
    test: {
      file: 'apps/worker/test/integration/webhooks.test.ts',
      title: 'an endpoint that was down for a while gets every event, and repetitions by the same id only',
    },
  },
  {
    keeps: 'deliveries of an endpoint do not wait for each other',
    file: 'apps/worker/src/webhooks/endpoint-loop.ts',
    edits: [['const free = concurrency - this.#running.size', 'const free = 1 - this.#running.size']],
    test: {
      file: 'apps/worker/test/integration/webhooks.test.ts',
      title: 'an endpoint that hangs holds up neither another nor its own quick events',
    },
  },
  {
    keeps: 'little is read of an answer',
    file: 'packages/lifecycle/src/webhooks/post.ts',
    edits: [['      if (bytes >= maxAnswerBytes) break\n', '      if (bytes >= 4096 * maxAnswerBytes) break\n']],
    test: {
      file: 'packages/lifecycle/test/unit/post.test.ts',
      title: 'of an answer without end a little is read, and its status counts',
    },
  },
  {
    keeps: 'what is refused for too long is given up',
    file: 'packages/lifecycle/src/webhooks/deliver.ts',
    edits: [['final ? 0 : options.giveUpAfterSeconds', 'final ? 0 : 1e6 * options.giveUpAfterSeconds']],
    test: {
      file: 'apps/worker/test/integration/webhooks.test.ts',
      title: 'what an endpoint refuses for too long is dead, and comes when it is replayed',
    },
  },
  {
    keeps: 'a redirect is no success',
    file: 'packages/lifecycle/src/webhooks/deliver.ts',
    edits: [['  if (status >= 200 && status < 300) return null\n', '  if (status >= 200 && status < 400) return null\n']],
    test: {
      file: 'apps/worker/test/integration/webhooks.test.ts',
      title: 'a redirect is a failure, told as one, and followed nowhere',
    },
  },
  {
    keeps: 'a connection goes to the address that was checked',
    file: 'packages/lifecycle/src/webhooks/checked-lookup.ts',
    edits: [
      [
        '      return { first, addresses }\n',
        '      return resolve(hostname).then((later) => ({ first: later[0] ?? first, addresses: later }))\n',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/unit/post.test.ts',
      title: 'a name that means another address by the time of the connection gets nobody there',
    },
  },
  {
    keeps: 'who was handed a delivery has it to itself for a while',
    file: 'packages/database/src/webhooks/repository.ts',
    edits: [
      [
        'attempts = taken.attempts + 1, next_attempt_at = now() + make_interval(secs => $3)',
        'attempts = taken.attempts + 1, next_attempt_at = now() + make_interval(secs => 0 * $3)',
      ],
    ],
    test: { file: 'apps/worker/test/integration/webhooks.test.ts', title: 'two workers at once tell each event once' },
  },
  {
    keeps: 'each attempt has the id of its event',
    file: 'packages/lifecycle/src/webhooks/deliver.ts',
    edits: [['{ id: event.id, at, body', '{ id: crypto.randomUUID(), at, body']],
    test: {
      file: 'apps/worker/test/integration/webhooks-process.test.ts',
      title: 'a worker that is killed while it tells is followed by one that tells with the same id',
    },
  },
  {
    keeps: 'who stops breaks off what is not answered',
    file: 'apps/worker/src/webhooks/senders.ts',
    edits: [['    for (const loop of this.#loops) loop.breakOff()\n', '']],
    test: {
      file: 'apps/worker/test/integration/webhooks.test.ts',
      title: 'what a stopping worker does not get told is broken off, and told by the next, with the same id',
    },
  },
  {
    keeps: 'an attempt has the time of Postgres',
    file: 'packages/lifecycle/src/webhooks/deliver.ts',
    edits: [['{ id: event.id, at, body', '{ id: event.id, at: new Date(), body']],
    test: {
      file: 'apps/worker/test/integration/webhooks.test.ts',
      title: 'an attempt is dated by the clock of Postgres, so that a worker with a wrong clock is believed',
    },
  },
  {
    keeps: 'a delivery whose end nobody noted is due again',
    file: 'packages/database/src/webhooks/repository.ts',
    edits: [
      [
        'attempts = taken.attempts + 1, next_attempt_at = now() + make_interval(secs => $3)',
        'attempts = taken.attempts + 1, next_attempt_at = now() + make_interval(secs => 1000 * $3)',
      ],
    ],
    test: {
      file: 'apps/worker/test/integration/webhooks.test.ts',
      title: 'a worker that dies between the answer and its note tells again, with the same id',
    },
  },
  {
    keeps: 'only the last attempt fails',
    file: 'packages/database/src/webhooks/repository.ts',
    edits: [["and attempts = $3 and state = 'pending'", "and $3::integer is not null and state = 'pending'"]],
    test: {
      file: 'packages/database/test/integration/webhooks.test.ts',
      title: 'an attempt that was overtaken changes nothing when it fails',
    },
  },
  {
    keeps: 'what is due is looked for, whether or not a bell rings',
    file: 'apps/worker/src/webhooks/endpoint-loop.ts',
    edits: [['everySeconds: options.everySeconds,', 'everySeconds: 3600,']],
    test: { file: 'apps/worker/test/integration/webhooks.test.ts', title: 'a record that is away is told, and asked again' },
  },
]
