import type { Guard } from '../guard.ts'

/** The worker, step by step. */
export const worker: readonly Guard[] = [
  {
    keeps: 'a job without its worker is found half a lease after its lock',
    file: 'apps/worker/src/lane.ts',
    edits: [['stalledInterval: (deps.leaseSeconds * 1000) / 2', 'stalledInterval: 30_000']],
    test: {
      file: 'apps/worker/test/integration/faults-job.test.ts',
      title: 'a job whose worker died with it comes again within two leases',
    },
  },
  {
    keeps: 'a lease that ran out can be taken over',
    file: 'packages/database/src/migrations/1795478400015-open-pipeline-door.ts',
    edits: [["(state = 'received' or (state = 'processing' and lease_until <= now()))", "state = 'received'"]],
    test: {
      file: 'packages/lifecycle/test/integration/death.test.ts',
      title: 'a picture whose worker dies $when $step becomes exactly one asset',
    },
  },
  {
    keeps: 'a claim whose answer gets lost is waited for',
    file: 'apps/worker/src/jobs/process-upload.ts',
    edits: [['return comeAgain(job, token, outcome.retryInMs)', 'return null']],
    test: {
      file: 'apps/worker/test/integration/faults-job.test.ts',
      title: 'a claim whose answer gets lost is held until its lease ends, then made again',
    },
  },
  {
    keeps: 'a job that could not claim comes again',
    file: 'apps/worker/src/jobs/process-upload.ts',
    edits: [
      [
        '    if (!(error instanceof AttemptFailed)) throw error\n    return settle',
        '    if (!(error instanceof AttemptFailed)) return\n    return settle',
      ],
    ],
    test: {
      file: 'apps/worker/test/integration/jobs.test.ts',
      title: 'a job that comes while the database is away comes again, without costing the upload an attempt',
    },
  },
  {
    keeps: 'a lease keeps others away',
    file: 'packages/database/src/migrations/1795478400015-open-pipeline-door.ts',
    edits: [["(state = 'processing' and lease_until <= now())", "state = 'processing'"]],
    test: { file: 'apps/worker/test/integration/jobs.test.ts', title: 'of two workers on one upload one waits, and one asset comes of it' },
  },
  {
    keeps: 'who finds a lease leaves the upload alone',
    file: 'packages/lifecycle/src/process-upload.ts',
    edits: [
      [
        "    if (outcome.reason === 'leased') return { ended: 'leased', retryInMs: outcome.leaseEndsInMs }\n",
        "    if (outcome.reason === 'leased') throw new Error('leased')\n",
      ],
    ],
    test: {
      file: 'apps/worker/test/integration/jobs.test.ts',
      title: 'a job that is delivered twice, on two lanes at once, makes one asset',
    },
  },
  {
    keeps: 'one renewal that fails ends nothing',
    file: 'packages/lifecycle/src/claim.ts',
    edits: [
      [
        "(err: unknown) => log.warn({ uploadId: claim.uploadId, attempt: claim.attempt, err }, 'lease not renewed'),",
        "(err: unknown) => {\n          log.warn({ uploadId: claim.uploadId, attempt: claim.attempt, err }, 'lease not renewed')\n          lost.abort(err)\n        },",
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/lease.test.ts',
      title: 'a renewal that Postgres misses is told, and made up for by the next',
    },
  },
  {
    keeps: 'only the one that holds the claim completes',
    file: 'packages/database/src/uploads/work.ts',
    edits: [
      [
        "    where id = $1 and attempt = $2 and state = 'processing'\n    returning *",
        '    where id = $1 and $2::integer is not null\n    returning *',
      ],
      [
        '  from completed\n  returning *',
        "  from completed\n  on conflict (upload_id) do update set created_at = now(), original_filename = 'made twice'\n  returning *",
      ],
    ],
    test: {
      file: 'apps/worker/test/integration/faults-job.test.ts',
      title: 'a worker that was paused beyond its lease while another finished leaves everything as it is',
    },
  },
  {
    keeps: 'who lost the claim is told so',
    file: 'packages/database/src/uploads/work.ts',
    edits: [['    if (row === undefined) throw new ClaimLost(claim)\n    return row', '    return row as Record<string, unknown>']],
    test: {
      file: 'apps/worker/test/slow/faults-machine.test.ts',
      title: 'a worker whose event loop is blocked beyond its lock and its lease is overtaken, and changes nothing when it goes on',
    },
  },
  {
    keeps: 'leases that ran out are looked for at their time',
    file: 'packages/database/src/uploads/unmoved.ts',
    edits: [["batch('processing', 'leaseUntil', 0, options)", "batch('processing', 'leaseUntil', 600, options)"]],
    test: {
      file: 'packages/stack/test/slow/processes.test.ts',
      title: 'with clocks that are ten minutes off, nobody takes an upload before its lease has ended, and somebody does soon after',
    },
  },
  {
    keeps: 'a worker writes no file',
    file: 'apps/worker/src/main.ts',
    edits: [
      [
        '  const worker = buildWorker({',
        "  ;(await import('node:fs')).mkdtempSync((await import('node:os')).tmpdir())\n  const worker = buildWorker({",
      ],
    ],
    test: {
      file: 'apps/worker/test/slow/faults-machine.test.ts',
      title: 'a worker that can write no file, and has no temp folder, inspects and promotes files of every kind',
    },
  },
  {
    keeps: 'three crashes of its inspector park a file',
    file: 'packages/lifecycle/src/park.ts',
    edits: [['return usedUp || count >= maxInspections ?', 'return usedUp ?']],
    test: {
      file: 'apps/worker/test/integration/isolation.test.ts',
      title: 'a file that its inspector never gets done with is parked after three tries, and other files go on',
    },
  },
  {
    keeps: 'reading is pinned to one ETag',
    file: 'packages/storage/src/s3/ranged-source.ts',
    edits: [
      ['      IfMatch: pinned.etag,\n', ''],
      ['  if (ETag !== pinned.etag || (ContentRange !== undefined && total !== pinned.sizeBytes)) {', "  if (ETag === '' && total < 0) {"],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/promote.test.ts',
      title: 'an object that was replaced before it is inspected is never promoted, and an operator hears of it',
    },
  },
  {
    keeps: 'a call to the store ends',
    file: 'packages/storage/src/s3/calls.ts',
    edits: [
      ['setTimeout(() => deadline.abort(), timeoutMs)', 'setTimeout(() => {}, timeoutMs)'],
      ['socketTimeout: options.callTimeoutMs,', 'socketTimeout: 1e6,'],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/store-away.test.ts',
      title: 'a store that is silent costs an attempt within its timeout',
    },
  },
  {
    keeps: 'an asset leaves quarantine',
    file: 'packages/lifecycle/src/promote.ts',
    edits: [['  await emptyQuarantine(claim, { store, log })\n  return asset', '  void log\n  return asset']],
    test: {
      file: 'packages/lifecycle/test/integration/death.test.ts',
      title: 'a large video whose worker dies $when $step becomes exactly one asset',
    },
  },
  {
    keeps: 'copies are pinned to one ETag',
    file: 'packages/storage/src/s3/copy-to-final.ts',
    edits: [['    CopySourceIfMatch: ifEtag,\n    MetadataDirective', '    MetadataDirective']],
    test: {
      file: 'packages/lifecycle/test/integration/promote.test.ts',
      title: '$filename is never promoted when it is replaced after it was inspected',
    },
  },
  {
    keeps: 'a copy without an answer is looked for',
    file: 'packages/storage/src/s3/copy-to-final.ts',
    edits: [['    if (!(failure instanceof ObjectMissing || failure instanceof StoreUnavailable)) throw failure', '    throw failure']],
    test: {
      file: 'packages/storage/test/integration/lost-answers.test.ts',
      title: 'a copy whose answer never came is found at its final key',
    },
  },
  {
    keeps: 'a busy store gets three more tries',
    file: 'packages/storage/src/s3/retries.ts',
    edits: [['[200, 400, 800]', '[200, 400]']],
    test: {
      file: 'packages/storage/test/integration/busy-store.test.ts',
      title: 'a copy outlives a store that asks for patience three times',
    },
  },
  {
    keeps: 'an error in a 200 is an error',
    file: 'packages/storage/src/s3/answers.ts',
    edits: [['  if (isForLater(code, status)) return', "  if (code !== 'InternalError' && isForLater(code, status)) return"]],
    test: {
      file: 'packages/storage/test/integration/busy-store.test.ts',
      title: 'a copy whose $step has an error in each 200 is an unavailable store, and no copy',
    },
  },
  {
    keeps: 'who was overtaken removes nothing',
    file: 'packages/lifecycle/src/park.ts',
    edits: [
      [
        "    log.warn({ ...about, step: 'release' }, 'another attempt owns the upload')",
        "    log.warn({ ...about, step: 'release' }, 'another attempt owns the upload')\n    await store.purge(claim.finalKey)",
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/faults-worker.test.ts',
      title: 'a worker that copies $filename after another has completed it changes neither the asset nor its object',
    },
  },
  {
    keeps: 'a rejection asks for the copies of earlier attempts',
    file: 'packages/database/src/uploads/work.ts',
    edits: [['where attempt > 1 or $7', 'where $7']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-worker.test.ts',
      title: 'an upload that its second attempt rejects keeps no copy of the first',
    },
  },
  {
    keeps: 'no row names an object before it is there',
    file: 'packages/lifecycle/src/promote.ts',
    edits: [
      [
        '  await store.copyToFinal(waitingBytes(claim), finalKey, { ifEtag: etag, sizeBytes, headers: finalHeaders(claim, verdict), signal })\n',
        '',
      ],
      [
        '  const asset = await uploads.complete(claim, verdict)\n',
        '  const asset = await uploads.complete(claim, verdict)\n  await store.copyToFinal(waitingBytes(claim), finalKey, { ifEtag: etag, sizeBytes, headers: finalHeaders(claim, verdict), signal })\n',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/death.test.ts',
      title: 'a picture whose worker dies $when $step becomes exactly one asset',
    },
  },
  {
    keeps: 'bytes go only when the asset is committed',
    file: 'packages/lifecycle/src/promote.ts',
    edits: [
      [
        '  signal.throwIfAborted()\n  const asset',
        '  await emptyQuarantine(claim, { store, log })\n  signal.throwIfAborted()\n  const asset',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/death.test.ts',
      title: 'a picture whose worker dies $when $step becomes exactly one asset',
    },
  },
  {
    keeps: 'without Postgres nothing is settled',
    file: 'packages/lifecycle/src/park.ts',
    edits: [
      [
        "    if (!(error instanceof ClaimLost)) throw error\n    log.warn({ ...about, step: 'release' }",
        "    if (!(error instanceof ClaimLost)) return { ended: 'lost' }\n    log.warn({ ...about, step: 'release' }",
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/park.test.ts',
      title: 'while Postgres is away nothing is settled: the row keeps its lease, and is rung for when that has run out',
    },
  },
  {
    keeps: 'a claim completes once',
    file: 'packages/database/src/uploads/work.ts',
    edits: [
      [
        "    where id = $1 and attempt = $2 and state = 'processing'\n    returning *",
        '    where id = $1 and attempt = $2\n    returning *',
      ],
    ],
    test: { file: 'packages/database/test/integration/work.test.ts', title: 'completing twice, and by twenty at once, makes one asset' },
  },
  {
    keeps: 'nobody gets an asset who is not there',
    file: 'packages/lifecycle/src/process-upload.ts',
    edits: [['  if (!(error instanceof UnknownUser)) throw error\n', '  throw error\n']],
    test: {
      file: 'packages/lifecycle/test/integration/faults-worker.test.ts',
      title: 'an upload whose owner is deleted and whose worker dies ($fate) leaves neither asset nor copy',
    },
  },
  {
    keeps: 'bytes go only when the verdict is committed',
    file: 'packages/lifecycle/src/reject.ts',
    edits: [
      [
        '  await uploads.reject(claim, refusal, { copied })\n  await emptyQuarantine(claim, { store, log })',
        '  await emptyQuarantine(claim, { store, log })\n  await uploads.reject(claim, refusal, { copied })',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/death.test.ts',
      title: 'a bad picture whose worker dies $when $step is rejected, and nothing of it is left',
    },
  },
  {
    keeps: 'only the one that holds the claim rejects',
    file: 'packages/database/src/uploads/work.ts',
    edits: [
      [
        "    where id = $1 and attempt = $2 and state = 'processing'\n    returning id, final_key, attempt",
        "    where id = $1 and $2::integer is not null and state = 'processing'\n    returning id, final_key, attempt",
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/reject.test.ts',
      title: 'a worker that was overtaken can not reject, and touches no bytes',
    },
  },
  {
    keeps: 'a quarantine that can not be emptied spoils no asset',
    file: 'packages/lifecycle/src/empty-quarantine.ts',
    edits: [[".catch((err: unknown) => log.warn({ uploadId, err }, 'quarantine not emptied yet, the sweeper will'))", '']],
    test: {
      file: 'packages/lifecycle/test/integration/promote.test.ts',
      title: 'a quarantine that can not be emptied yet does not spoil the asset, and the next run empties it',
    },
  },
  {
    keeps: 'a job has more tries than an upload',
    file: 'packages/queue/src/job-options.ts',
    edits: [['    attempts: triesOfTheBell,\n', '']],
    test: {
      file: 'apps/worker/test/integration/faults-job.test.ts',
      title: 'an upload that is let go by a statement whose answer gets lost is tried again',
    },
  },
  {
    keeps: 'only the one that holds the claim lets go',
    file: 'packages/database/src/uploads/work.ts',
    edits: [
      [
        '    failed_inspections = $5\n  where id = $1 and attempt = $2 and state',
        '    failed_inspections = $5\n  where id = $1 and $2::integer is not null and state',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/park.test.ts',
      title: 'an attempt that was overtaken settles nothing, be it one of %i',
    },
  },
  {
    keeps: 'only final rows give their bytes up',
    file: 'packages/lifecycle/src/sweep/over.ts',
    edits: [
      [
        '  if (upload !== undefined) return isFinal(upload.state) && isOlder(writtenAt, callSeconds, clockAheadMs)',
        '  if (upload !== undefined) return isFinal(upload.state) !== null && isOlder(writtenAt, callSeconds, clockAheadMs)',
      ],
    ],
    test: { file: 'packages/lifecycle/test/integration/death.test.ts', title: 'a file that is parked keeps its bytes, whatever comes' },
  },
  {
    keeps: 'who stops finishes what runs',
    file: 'apps/worker/src/app.ts',
    edits: [['await Promise.all([steps.stopTaking(), steps.finish()])', 'await steps.stopTaking()']],
    test: {
      file: 'apps/worker/test/integration/stop.test.ts',
      title: 'a worker that stops finishes the job that runs, and takes no other',
    },
  },
  {
    keeps: 'who stops does not wait for Redis',
    file: 'apps/worker/src/lane.ts',
    edits: [['done = await firstOf(stopTaking(), goodbyeMs)', 'done = await firstOf(stopTaking(), 8 * goodbyeMs)']],
    test: {
      file: 'apps/worker/test/integration/redis-away.test.ts',
      title: 'a worker stops although its Redis is away, and finishes the job that runs',
    },
  },
  {
    keeps: 'what a stopping worker does not get done with goes back',
    file: 'apps/worker/src/jobs/process-upload.ts',
    edits: [['    if (stopping.aborted) return giveBack(error, job, token, deps)\n', '']],
    test: {
      file: 'apps/worker/test/integration/stop.test.ts',
      title: 'a job that a worker does not get done with is handed back: another takes it at once, and it counts as no failure',
    },
  },
  {
    keeps: 'a store that says nothing holds up nobody who stops',
    file: 'packages/storage/src/s3/copy-to-final.ts',
    edits: [['head(deps, to, signal)', 'head(deps, to)']],
    test: {
      file: 'packages/storage/test/integration/lost-answers.test.ts',
      title: 'a signal ends a copy whose look at the final key gets no answer, and a read that gets none',
    },
  },
  {
    keeps: 'a hand-back that fails leaves the job',
    file: 'apps/worker/src/jobs/process-upload.ts',
    edits: [
      [
        "    const ended = await handBack(error.claim, deps).catch((err: unknown) => {\n      log.warn({ uploadId: error.claim.uploadId, err, step: 'hand back' }, 'upload not handed back, its lease will run out')\n    })",
        '    void log\n    const ended = await handBack(error.claim, deps)',
      ],
    ],
    test: {
      file: 'apps/worker/test/integration/stop.test.ts',
      title: 'an upload that can not be handed back, since Postgres is away, is taken over when its lease has run out',
    },
  },
  {
    keeps: 'a hand-back does not wait for Redis',
    file: 'apps/worker/src/jobs/process-upload.ts',
    edits: [['  await heardWithin(job.moveToWait(token))', '  await heardWithin(job.moveToWait(token), 20_000)']],
    test: {
      file: 'apps/worker/test/integration/redis-away.test.ts',
      title: 'a worker that stops while its Redis is away hands the upload back, and another finishes it when Redis is there again',
    },
  },
]
