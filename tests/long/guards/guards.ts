import type { Guard } from './guard.ts'

/** At least one guard for each invariant that a single piece of code can violate. Invariants that span processes are tested by chaos. */
const byId: Readonly<Record<string, Omit<Guard, 'id'>>> = {
  'row-before-first-byte': {
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
  'enqueue-after-commit': {
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
  'sweeper-enqueues-waiting-uploads': {
    invariant: 1,
    file: 'packages/lifecycle/src/sweep/uploads.ts',
    edits: [['olderThanSeconds: enqueueAfterSeconds, limit', 'olderThanSeconds: 1e6 * enqueueAfterSeconds, limit']],
    test: 'gateway-dies-at-any-step',
  },
  'acceptance-survives-redis': {
    invariant: 1,
    file: 'packages/lifecycle/src/moves/accept.ts',
    edits: [[".catch((err: unknown) => log.warn({ uploadId, requestId, err }, 'upload not enqueued, the sweeper retries'))", '']],
    test: 'acceptance-redis-unavailable',
  },
  'acceptance-is-all-or-nothing': {
    invariant: 1,
    file: 'packages/database/src/uploads/intake.ts',
    edits: [['and (select count(*) from ready) = $2', '']],
    test: 'acceptance-meets-sweeper',
  },
  'expired-lease-taken-over': {
    invariant: 1,
    file: 'packages/database/src/migrations/1795478400015-open-pipeline-door.ts',
    edits: [["(state = 'received' or (state = 'processing' and lease_until <= now()))", "state = 'received'"]],
    test: 'picture-worker-dies-at-any-step',
  },
  'lease-excludes-others': {
    invariant: 2,
    file: 'packages/database/src/migrations/1795478400015-open-pipeline-door.ts',
    edits: [["(state = 'processing' and lease_until <= now())", "state = 'processing'"]],
    test: 'two-workers-one-upload',
  },
  'completion-is-fenced': {
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
  'cancellation-locks-the-row': {
    invariant: 2,
    file: 'packages/database/src/uploads/decisions.ts',
    edits: [['from uploads where id = $1 for update', 'from uploads where id = $1']],
    test: 'promotion-meets-cancellation',
  },
  'reads-pinned-to-etag': {
    invariant: 3,
    file: 'packages/storage/src/s3/ranged-source.ts',
    edits: [
      ['IfMatch: pinned.etag,', ''],
      ['if (ETag !== pinned.etag || (ContentRange !== undefined && total !== pinned.sizeBytes)) {', "if (ETag === '' && total < 0) {"],
    ],
    test: 'object-replaced-before-inspection',
  },
  'copies-pinned-to-etag': {
    invariant: 3,
    file: 'packages/storage/src/s3/copy-to-final.ts',
    edits: [['CopySourceIfMatch: ifEtag, MetadataDirective', 'MetadataDirective']],
    test: 'object-replaced-after-inspection',
  },
  'verdict-decides': {
    invariant: 3,
    file: 'packages/lifecycle/src/work-on-upload.ts',
    edits: [
      [
        'if (!verdict.ok) return rejected(claim, verdict.refusal) const asset = await reportingProgress(() => promote(claim, verdict, signal',
        'const passed = verdict.ok ? verdict : ({ ok: true, mediaType: claim.detectedType, facts: {} } as const)\nconst asset = await reportingProgress(() => promote(claim, passed as never, signal',
      ],
    ],
    test: 'chaos-half-a-minute',
  },
  'failed-multipart-aborted': {
    invariant: 4,
    file: 'packages/storage/src/s3/receive.ts',
    edits: [['if (upload !== null) await abortUpload(deps, key, upload.id)', '']],
    test: 'multipart-completion-error-in-200',
  },
  'leftovers-removed': {
    invariant: 4,
    file: 'packages/lifecycle/src/sweep/leftovers.ts',
    edits: [['async moves({ key }, { store }) { await store.purge(key)', 'async moves() {']],
    test: 'leftovers-store-was-unavailable',
  },
  'unproven-objects-kept': {
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
  'foreign-objects-not-purged': {
    invariant: 4,
    file: 'packages/lifecycle/src/purge.ts',
    edits: [['if (!isWaiting && !isFinalCopy) {', 'if (key === null) {']],
    test: 'purge-of-foreign-object',
  },
  'webhook-answer-bounded': {
    invariant: 5,
    file: 'packages/notifications/src/post.ts',
    edits: [['if (bytes >= maxAnswerBytes) break', 'if (bytes >= 4096 * maxAnswerBytes) break']],
    test: 'webhook-endless-answer',
  },
  'hourly-limit-in-postgres': {
    invariant: 6,
    file: 'packages/database/src/migrations/1795478400035-plan-once.ts',
    edits: [['if files_used >= files_per_hour then', 'if false then']],
    test: 'redis-flush-keeps-limit',
  },
  'project-concurrency': {
    invariant: 6,
    file: 'apps/worker/src/run-job.ts',
    edits: [['maxRunning: deps.maxRunningPerProject', 'maxRunning: 0']],
    test: 'project-concurrency-limit',
  },
  'idle-clients-end': {
    invariant: 6,
    file: 'apps/gateway/src/upload/body-timeouts.ts',
    edits: [
      ["if (now - this.#lastByteAt > idleSeconds * 1000) this.#stop(new AirlockError('request_stalled', { seconds: idleSeconds }))", ''],
    ],
    test: 'client-stalls',
  },
  'only-owners-get-urls': {
    invariant: 7,
    file: 'apps/gateway/src/routes/assets.ts',
    edits: [["if (asset.userId !== callerOfRequest(request).id) throw new AirlockError('asset_not_yours', { id })", 'void request']],
    test: 'chaos-half-a-minute',
  },
  'inbox-object-proves-owner': {
    invariant: 7,
    file: 'packages/lifecycle/src/moves/register-video.ts',
    edits: [['if (dispute !== null) return refused(dispute, true)', '']],
    test: 'video-of-another-owner',
  },
  'capability-of-one-upload': {
    invariant: 7,
    file: 'apps/gateway/src/direct/capability.ts',
    edits: [["if (!isCapabilityOf(upload, capability)) throw new AirlockError('capability_invalid', {})", '']],
    test: 'capability-of-one-upload',
  },
  'direct-put-replaces-nothing': {
    invariant: 3,
    file: 'packages/lifecycle/src/moves/open-direct.ts',
    edits: [['onlyIfAbsent: true', 'onlyIfAbsent: false']],
    test: 'direct-late-write',
  },
  'direct-deadline-is-its-own': {
    invariant: 1,
    file: 'packages/database/src/uploads/unmoved.ts',
    edits: [["state === 'receiving' ? `upload.door <> 'direct'` : 'true'", "'true'"]],
    test: 'direct-deadline',
  },
  'bytes-after-asset-commit': {
    invariant: 9,
    file: 'packages/lifecycle/src/moves/promote.ts',
    edits: [['signal.throwIfAborted() const asset', 'await emptyQuarantine(claim, { store, log })\nsignal.throwIfAborted()\nconst asset']],
    test: 'picture-worker-dies-at-any-step',
  },
  'one-final-event': {
    invariant: 10,
    file: 'packages/database/src/migrations/1795478400016-write-events.ts',
    edits: [['create unique index events_final_once', 'create index events_final_once']],
    test: 'upload-ends-once',
  },
}

export const guards: readonly Guard[] = Object.entries(byId).map(([id, guard]) => ({ id, ...guard }))
