import type { Guard } from '../guard.ts'

/** In at the gateway, for each file. */
export const gateway: readonly Guard[] = [
  {
    keeps: 'a file has its row before its first byte',
    file: 'packages/lifecycle/src/receive.ts',
    edits: [
      ['  await register(uploadId, key, nonce, file, sender, deps)\n  const started', '  const started'],
      [
        '    if (mediaType === null) throw',
        '    await register(uploadId, key, nonce, file, sender, deps)\n    if (mediaType === null) throw',
      ],
    ],
    test: { file: 'packages/lifecycle/test/integration/faults-door.test.ts', title: ', whose gateway dies $when $verb, ends as it must' },
  },
  {
    keeps: 'what never finished arriving is found',
    file: 'packages/database/src/uploads/unmoved.ts',
    edits: [
      ["batch('receiving', 'createdAt', olderThanSeconds, options)", "batch('receiving', 'createdAt', 10 * olderThanSeconds, options)"],
    ],
    test: { file: 'packages/lifecycle/test/integration/faults-door.test.ts', title: ', whose gateway dies $when $verb, ends as it must' },
  },
  {
    keeps: 'what is abandoned leaves the store',
    file: 'packages/lifecycle/src/sweep/stale.ts',
    edits: [['    await store.purge(quarantineKey)\n', '    void quarantineKey\n']],
    test: { file: 'packages/lifecycle/test/integration/faults-door.test.ts', title: ', whose gateway dies $when $verb, ends as it must' },
  },
  {
    keeps: 'what was accepted is committed before anybody is rung for',
    file: 'packages/lifecycle/src/accept.ts',
    edits: [
      [
        '  const accepted = await uploads.accept(\n',
        '  for (const { uploadId } of files) await bell.ring(assetKind(fields.assetType).lane, { uploadId, requestId })\n  const accepted = await uploads.accept(\n',
      ],
    ],
    test: { file: 'packages/lifecycle/test/integration/faults-door.test.ts', title: ', whose gateway dies $when $verb, ends as it must' },
  },
  {
    keeps: 'what was accepted is rung for again when nobody was',
    file: 'packages/lifecycle/src/sweep/ring.ts',
    edits: [['olderThanSeconds: ringAfterSeconds, limit', 'olderThanSeconds: 1e6 * ringAfterSeconds, limit']],
    test: { file: 'packages/lifecycle/test/integration/faults-door.test.ts', title: ', whose gateway dies $when $verb, ends as it must' },
  },
  {
    keeps: 'what we did not hear is given back to its owner',
    file: 'packages/lifecycle/src/sweep/stale.ts',
    edits: [['{ giveBack: true }', '{ giveBack: false }']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-door.test.ts',
      title: 'a registration whose answer gets lost is abandoned by the sweeper, and does not count',
    },
  },
  {
    keeps: 'nothing is received that is not written down',
    file: 'packages/lifecycle/src/receive.ts',
    edits: [
      [
        '  await register(uploadId, key, nonce, file, sender, deps)\n  const started',
        '  await register(uploadId, key, nonce, file, sender, deps).catch(() => {})\n  const started',
      ],
    ],
    test: { file: 'packages/lifecycle/test/integration/receive.test.ts', title: 'while the database is away nothing is received' },
  },
  {
    keeps: 'ages count by the clock of Postgres',
    file: 'packages/database/src/uploads/unmoved.ts',
    edits: [
      [
        ' <= now() - make_interval(secs => :olderThanSeconds)`, { olderThanSeconds })',
        ' <= cast(:clock as timestamptz) - make_interval(secs => :olderThanSeconds)`, { olderThanSeconds, clock: new Date() })',
      ],
    ],
    test: {
      file: 'packages/stack/test/slow/processes.test.ts',
      title: 'with clocks that are ten minutes off, an upload that takes its time is not abandoned, and one that was left is',
    },
  },
  {
    keeps: 'a Postgres without a free connection is called away',
    file: 'packages/database/src/unavailable.ts',
    edits: [["  '53', // too many", '  // too many']],
    test: {
      file: 'apps/gateway/test/integration/servers-full.test.ts',
      title: 'Postgres without a free connection: 503 in bounded time, later at once, and it comes back by itself',
    },
  },
  {
    keeps: 'files of one user are counted one after the other',
    file: 'packages/database/src/migrations/1795478400003-register-upload.ts',
    edits: [["        perform pg_advisory_xact_lock(hashtextextended('uploads of user ' || added.user_id, 0));\n", '']],
    test: {
      file: 'packages/database/test/integration/intake.test.ts',
      title: 'of 200 files that arrive at once at two gateways, exactly as many as the limit get in',
    },
  },
  {
    keeps: 'Postgres decides the limit',
    file: 'packages/database/src/migrations/1795478400003-register-upload.ts',
    edits: [['if used >= files_per_hour then', 'if false then']],
    test: { file: 'apps/gateway/test/integration/limits.test.ts', title: 'emptying Redis does not widen the limit' },
  },
  {
    keeps: 'a client that goes away has used up a file',
    file: 'packages/lifecycle/src/receive.ts',
    edits: [
      ["  if (bytes.destroyed && !bytes.readableEnded) return { why: refusal('upload_interrupted', { filename }), giveBack: false }\n", ''],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/receive.test.ts',
      title: 'a file whose client goes away half-way leaves nothing, and counts',
    },
  },
  {
    keeps: 'nobody waits for a client that is silent',
    file: 'apps/gateway/src/upload/patience.ts',
    edits: [
      [
        "    if (now - this.#lastByteAt > idleSeconds * 1000) this.#stop(new AirlockError('request_stalled', { seconds: idleSeconds }))\n",
        '',
      ],
    ],
    test: { file: 'apps/gateway/test/integration/bad-input.test.ts', title: 'a client that falls silent gets 408, and nothing stays' },
  },
  {
    keeps: 'what the store spoils is given back',
    file: 'packages/lifecycle/src/receive.ts',
    edits: [["  if (error instanceof StoreError) return { why: refusal('storage_unavailable', {}), giveBack: true }\n", '']],
    test: {
      file: 'packages/lifecycle/test/integration/store-away.test.ts',
      title: 'a store that stops in the middle of an upload ends it: given back, and its leftover told for the sweeper',
    },
  },
  {
    keeps: 'a store that falls silent is asked for a sign of life',
    file: 'apps/gateway/src/availability.ts',
    edits: [['      if (performance.now() - this.#lastSuccess >= patienceMs) this.#ask()\n', '      void patienceMs\n']],
    test: {
      file: 'apps/gateway/test/slow/servers-away.test.ts',
      title: 'S3 falls silent in the middle of an upload: 503 when the call to it times out and not before, and the file is given back',
    },
  },
  {
    keeps: 'what landed without an answer is known by its nonce',
    file: 'packages/storage/src/s3/receive.ts',
    edits: [['    if (landed !== null) return landed\n', '']],
    test: {
      file: 'packages/storage/test/integration/lost-answers.test.ts',
      title: 'a put of which no answer ever came is known by its nonce',
    },
  },
  {
    keeps: 'a busy store is not asked without end',
    file: 'packages/storage/src/s3/retries.ts',
    edits: [['    if (waitMs === undefined || ', '    if (']],
    test: {
      file: 'packages/storage/test/integration/busy-store.test.ts',
      title: '$what that meets a store which goes on asking for patience was not received, and leaves nothing',
    },
  },
  {
    keeps: 'an upload in parts that failed is ended',
    file: 'packages/storage/src/s3/receive.ts',
    edits: [['    if (upload !== null) await abortUpload(deps, key, upload.id)\n', '']],
    test: {
      file: 'packages/storage/test/integration/busy-store.test.ts',
      title: 'a file in parts whose completion has an error in each 200 was not received, and leaves nothing',
    },
  },
  {
    keeps: 'a row that can not be closed does not hide the reason',
    file: 'packages/lifecycle/src/receive.ts',
    edits: [
      [
        "  await uploads.abandon(about.uploadId, why, { giveBack }).catch((err: unknown) => {\n    log.warn({ ...about, err }, 'upload not marked as abandoned yet, the sweeper will')\n  })",
        '  await uploads.abandon(about.uploadId, why, { giveBack })\n  void log',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/receive.test.ts',
      title: 'a refused file whose row can not be closed stays for the sweeper, and its client hears the true reason',
    },
  },
  {
    keeps: 'nothing is purged that may have been accepted',
    file: 'packages/lifecycle/src/discard.ts',
    edits: [['if (abandoned) await store.purge', 'await store.purge']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-door.test.ts',
      title: 'an acceptance whose answer gets lost is not taken back: its file becomes an asset',
    },
  },
  {
    keeps: 'an answer that was committed is not given up',
    file: 'packages/database/src/idempotency/repository.ts',
    edits: [["const mine = { userId, key, token, state: 'in_flight' as const }", 'const mine = { userId, key, token }']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-door.test.ts',
      title: 'a repeatable request whose acceptance was not heard gets its first answer when it comes again',
    },
  },
  {
    keeps: 'who finds a row abandoned accepts nothing',
    file: 'packages/database/src/uploads/intake.ts',
    edits: [
      [
        '    if (record === undefined) throw new UploadNotReceiving(wanted.map((upload) => upload.id))\n    return record',
        '    return record as UploadRecord',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/faults-door.test.ts',
      title: 'a gateway that was paused until its file was abandoned accepts nothing, and leaves nothing',
    },
  },
  {
    keeps: 'a request is accepted whole or not at all',
    file: 'packages/database/src/uploads/intake.ts',
    edits: [[' and (select count(*) from ready) = $2', '']],
    test: {
      file: 'packages/database/test/integration/intake.test.ts',
      title: 'when acceptance and the sweeper meet, the request is accepted whole or not at all',
    },
  },
  {
    keeps: 'one of many takes a repeatable request',
    file: 'packages/database/src/idempotency/repository.ts',
    edits: [[".state = 'in_flight' and $", ".state = 'in_flight' or $"]],
    test: {
      file: 'apps/gateway/test/integration/repeatable.test.ts',
      title: 'of ten at once one is taken; the others hear that it is in flight, or get its answer',
    },
  },
  {
    keeps: 'the row goes before the bytes',
    file: 'packages/lifecycle/src/discard.ts',
    edits: [['    const abandoned = await uploads', '    await store.purge(file.quarantineKey)\n    const abandoned = await uploads']],
    test: {
      file: 'packages/lifecycle/test/integration/discard.test.ts',
      title: 'while the database is away nothing is discarded, since the file may have been accepted',
    },
  },
  {
    keeps: 'only what is receiving is abandoned',
    file: 'packages/database/src/uploads/intake.ts',
    edits: [
      [
        "  where id = $1 and state = 'receiving'\n  returning id",
        "  where id = $1 and state = 'receiving' or id = $1 and $1 is null\n  returning id",
      ],
      ['    return rows.length === 1\n  },\n\n  async giveBack', '    return rows.length >= 0\n  },\n\n  async giveBack'],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/discard.test.ts',
      title: 'an accepted file is never discarded, however late somebody tries',
    },
  },
  {
    keeps: 'who finds a request at work leaves it alone',
    file: 'apps/gateway/src/upload/repeatable.ts',
    edits: [
      [
        "      throw new RequestInFlight(beginning.retryAfterSeconds)\n    case 'done':",
        "      return first({ userId, key, token: userId }, request, deps)\n    case 'done':",
      ],
    ],
    test: {
      file: 'apps/gateway/test/integration/repeatable.test.ts',
      title: 'a repetition that comes while the first is being received hears so, and later gets its answer',
    },
  },
  {
    keeps: 'an answer is committed with its acceptance',
    file: 'packages/database/src/uploads/intake.ts',
    edits: [['      await writeAnswer(transaction, idempotency, records)\n', '']],
    test: {
      file: 'apps/gateway/test/integration/repeatable.test.ts',
      title: 'a repetition that comes when the first is accepted, and not answered yet, gets its answer',
    },
  },
]
