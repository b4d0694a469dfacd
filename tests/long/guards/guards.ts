import type { Guard } from './guard.ts'

/** At least one guard for each invariant that a single piece of code can violate. Invariants that span processes are tested by chaos. */
export const guards: readonly Guard[] = [
  {
    id: 'row-before-first-byte',
    invariant: 1,
    file: 'packages/lifecycle/src/moves/receive.ts',
    edits: [
      ['await register(place, file, sender, deps) const started', 'const started'],
      [
        'const received = await fillQuarantine(place, file, sender, deps)',
        'const received = await fillQuarantine(place, file, sender, deps)\nawait register(place, file, sender, deps)',
      ],
    ],
    test: 'gateway-dies-at-any-step',
  },
  {
    id: 'enqueue-after-commit',
    invariant: 1,
    file: 'packages/lifecycle/src/moves/accept.ts',
    edits: [
      [
        'const accepted = await uploads.accept(',
        'for (const { uploadId } of files) await jobQueue.enqueue(assetKind(fields.assetType).lane, { uploadId, requestId })\nconst accepted = await uploads.accept(',
      ],
    ],
    test: 'gateway-dies-at-any-step',
  },
  {
    id: 'sweeper-enqueues-waiting-uploads',
    invariant: 1,
    file: 'packages/lifecycle/src/sweep/uploads.ts',
    edits: [['olderThanSeconds: enqueueAfterSeconds, limit', 'olderThanSeconds: 1e6 * enqueueAfterSeconds, limit']],
    test: 'gateway-dies-at-any-step',
  },
  {
    id: 'acceptance-survives-redis',
    invariant: 1,
    file: 'packages/lifecycle/src/moves/accept.ts',
    edits: [[".catch((err: unknown) => log.warn({ uploadId, requestId, err }, 'upload not enqueued, the sweeper retries'))", '']],
    test: 'acceptance-redis-unavailable',
  },
  {
    id: 'acceptance-is-all-or-nothing',
    invariant: 1,
    file: 'packages/database/src/uploads/intake.ts',
    edits: [['and (select count(*) from ready) = $2', '']],
    test: 'acceptance-meets-sweeper',
  },
  {
    id: 'expired-lease-taken-over',
    invariant: 1,
    file: 'packages/database/src/migrations/1795478400015-open-pipeline-door.ts',
    edits: [["(state = 'received' or (state = 'processing' and lease_until <= now()))", "state = 'received'"]],
    test: 'picture-worker-dies-at-any-step',
  },
  {
    id: 'stopping-worker-hands-back',
    invariant: 1,
    file: 'packages/lifecycle/src/work-on-upload.ts',
    edits: [['deps.stopping?.aborted ? handBackStopped(claim, deps) : settleFault', 'settleFault']],
    test: 'stop-hands-job-back',
  },
  {
    id: 'every-worker-sweeps',
    invariant: 1,
    file: 'apps/worker/src/app.ts',
    edits: [['of [sweeper, purger, upkeep, relay]) timer.start()', 'of [purger, upkeep, relay]) timer.start()']],
    test: 'redis-flushed-while-jobs-run',
  },
  {
    id: 'lease-excludes-others',
    invariant: 2,
    file: 'packages/database/src/migrations/1795478400015-open-pipeline-door.ts',
    edits: [["(state = 'processing' and lease_until <= now())", "state = 'processing'"]],
    test: 'two-workers-one-upload',
  },
  {
    id: 'completion-is-fenced',
    invariant: 2,
    file: 'packages/database/src/uploads/work.ts',
    edits: [
      ["where id = $1 and attempt = $2 and state = 'processing' returning *", 'where id = $1 and $2::integer is not null\nreturning *'],
      [
        'from completed returning *',
        `from completed
on conflict (upload_id) do update set created_at = now(), original_filename = 'made twice'
returning *`,
      ],
    ],
    test: 'paused-worker-beyond-lease',
  },
  {
    id: 'completion-is-idempotent',
    invariant: 2,
    file: 'packages/database/src/uploads/work.ts',
    edits: [["where id = $1 and attempt = $2 and state = 'processing' returning *", 'where id = $1 and attempt = $2\nreturning *']],
    test: 'completion-is-idempotent',
  },
  {
    id: 'one-job-per-upload',
    invariant: 2,
    file: 'packages/queue/src/job-options.ts',
    edits: [['jobId: payload.upload_id.toLowerCase(),', '']],
    test: 'enqueue-is-idempotent',
  },
  {
    id: 'cancellation-locks-the-row',
    invariant: 2,
    file: 'packages/database/src/uploads/decisions.ts',
    edits: [['from uploads where id = $1 for update', 'from uploads where id = $1']],
    test: 'promotion-meets-cancellation',
  },
  {
    id: 'reads-pinned-to-etag',
    invariant: 3,
    file: 'packages/storage/src/s3/ranged-source.ts',
    edits: [
      ['IfMatch: pinned.etag,', ''],
      ['if (ETag !== pinned.etag || (ContentRange !== undefined && total !== pinned.sizeBytes)) {', "if (ETag === '' && total < 0) {"],
    ],
    test: 'object-replaced-before-inspection',
  },
  {
    id: 'copies-pinned-to-etag',
    invariant: 3,
    file: 'packages/storage/src/s3/copy-to-final.ts',
    edits: [['CopySourceIfMatch: ifEtag, MetadataDirective', 'MetadataDirective']],
    test: 'object-replaced-after-inspection',
  },
  {
    id: 'verdict-decides',
    invariant: 3,
    file: 'packages/lifecycle/src/work-on-upload.ts',
    edits: [
      [
        'if (!verdict.ok) return rejected(claim, verdict.refusal) const asset = await promote(claim, verdict, signal',
        'const passed = verdict.ok ? verdict : ({ ok: true, mediaType: claim.detectedType, facts: {} } as const)\nconst asset = await promote(claim, passed as never, signal',
      ],
    ],
    test: 'chaos-half-a-minute',
  },
  {
    id: 'abandoned-bytes-purged',
    invariant: 4,
    file: 'packages/lifecycle/src/moves/abandon.ts',
    edits: [['await store.purge(quarantineKey)', 'void quarantineKey']],
    test: 'gateway-dies-at-any-step',
  },
  {
    id: 'failed-multipart-aborted',
    invariant: 4,
    file: 'packages/storage/src/s3/receive.ts',
    edits: [['if (upload !== null) await abortUpload(deps, key, upload.id)', '']],
    test: 'multipart-completion-error-in-200',
  },
  {
    id: 'leftovers-removed',
    invariant: 4,
    file: 'packages/lifecycle/src/sweep/leftovers.ts',
    edits: [['async moves({ key }, { store }) { await store.purge(key)', 'async moves() {']],
    test: 'leftovers-store-was-unavailable',
  },
  {
    id: 'unproven-objects-kept',
    invariant: 4,
    file: 'packages/lifecycle/src/sweep/strays.ts',
    edits: [
      [
        'if (!isOf(upload, object)) judged.unproven.push(object) else if (isFinal(upload.state)) judged.reclaimable.push(object)',
        'if (upload === undefined || isFinal(upload.state)) judged.reclaimable.push(object)',
      ],
    ],
    test: 'unproven-object-kept',
  },
  {
    id: 'foreign-objects-not-purged',
    invariant: 4,
    file: 'packages/lifecycle/src/purge.ts',
    edits: [['if (!isWaiting && !isFinalCopy) {', 'if (key === null) {']],
    test: 'purge-of-foreign-object',
  },
  {
    id: 'access-log-bounded',
    invariant: 5,
    file: 'apps/gateway/src/operations/access-log.ts',
    edits: [['if (tooMany <= 0) return', 'if (tooMany <= 0 || tooMany > 0) return']],
    test: 'access-log-is-bounded',
  },
  {
    id: 'webhook-answer-bounded',
    invariant: 5,
    file: 'packages/notifications/src/post.ts',
    edits: [['if (bytes >= maxAnswerBytes) break', 'if (bytes >= 4096 * maxAnswerBytes) break']],
    test: 'webhook-endless-answer',
  },
  {
    id: 'hourly-limit-in-postgres',
    invariant: 6,
    file: 'packages/database/src/migrations/1795478400003-register-upload.ts',
    edits: [['if used >= files_per_hour then', 'if false then']],
    test: 'redis-flush-keeps-limit',
  },
  {
    id: 'project-concurrency',
    invariant: 6,
    file: 'apps/worker/src/run-job.ts',
    edits: [['maxRunning: deps.maxRunningPerProject', 'maxRunning: 0']],
    test: 'project-concurrency-limit',
  },
  {
    id: 'idle-clients-end',
    invariant: 6,
    file: 'apps/gateway/src/upload/body-timeouts.ts',
    edits: [
      ["if (now - this.#lastByteAt > idleSeconds * 1000) this.#stop(new AirlockError('request_stalled', { seconds: idleSeconds }))", ''],
    ],
    test: 'client-stalls',
  },
  {
    id: 'only-owners-get-urls',
    invariant: 7,
    file: 'apps/gateway/src/routes/assets.ts',
    edits: [["if (asset.userId !== callerOfRequest(request).id) throw new AirlockError('asset_not_yours', { id })", 'void request']],
    test: 'chaos-half-a-minute',
  },
  {
    id: 'inbox-object-proves-owner',
    invariant: 7,
    file: 'packages/lifecycle/src/moves/register-video.ts',
    edits: [['if (dispute !== null) return refused(dispute, true)', '']],
    test: 'video-of-another-owner',
  },
  {
    id: 'bytes-after-asset-commit',
    invariant: 9,
    file: 'packages/lifecycle/src/moves/promote.ts',
    edits: [['signal.throwIfAborted() const asset', 'await emptyQuarantine(claim, { store, log })\nsignal.throwIfAborted()\nconst asset']],
    test: 'picture-worker-dies-at-any-step',
  },
  {
    id: 'one-final-event',
    invariant: 10,
    file: 'packages/database/src/migrations/1795478400016-write-events.ts',
    edits: [['create unique index events_final_once', 'create index events_final_once']],
    test: 'upload-ends-once',
  },
]
