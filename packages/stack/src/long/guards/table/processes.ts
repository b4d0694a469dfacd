import type { Guard } from '../guard.ts'

/** Whole processes, whole servers. */
export const processes: readonly Guard[] = [
  {
    keeps: 'who stops serves what is in flight',
    file: 'apps/gateway/src/shutdown.ts',
    edits: [['    await this.#served.promise.finally(() => clearInterval(idle))', '    clearInterval(idle)\n    this.cut()']],
    test: {
      file: 'apps/gateway/test/integration/shutdown.test.ts',
      title: 'it finishes a request that is in flight, for which it has no listener any more',
    },
  },
  {
    keeps: 'a phase is over when its time is',
    file: 'packages/config/src/shutdown.ts',
    edits: [["setTimeout(() => over.resolve('over'), limitMs)", 'setTimeout(() => {}, limitMs)']],
    test: {
      file: 'apps/gateway/test/integration/shutdown.test.ts',
      title: 'it cuts what is in flight longer than SHUTDOWN_GRACE_S, accepts nothing of it, and ends in order',
    },
  },
  {
    keeps: 'who stops writes its access log',
    file: 'apps/gateway/src/app.ts',
    edits: [['      await accesses.close()\n', '']],
    test: { file: 'apps/gateway/test/integration/shutdown.test.ts', title: 'it writes the last entries of the access log' },
  },
  {
    keeps: 'a second signal ends at once',
    file: 'packages/config/src/shutdown.ts',
    edits: [['    process.exit(exitCodeOf(signal))\n', '']],
    test: {
      file: 'apps/worker/test/integration/shutdown.test.ts',
      title: '%s and then %s end it at once, with code %i, although a job runs',
    },
  },
  {
    keeps: 'each answer of a gateway that stops closes its connection',
    file: 'apps/gateway/src/shutdown.ts',
    edits: [["      if (!this.#ready) reply.header('connection', 'close')\n", '      void reply\n']],
    test: {
      file: 'packages/stack/test/slow/rolling-restart.test.ts',
      title: 'two gateways and two workers are restarted one after the other under load: no request fails, and nothing is lost',
    },
  },
  {
    keeps: 'what a worker handed back comes again at once',
    file: 'packages/lifecycle/src/hand-back.ts',
    edits: [['    await uploads.handBack(claim)\n', '    void uploads\n']],
    test: {
      file: 'packages/stack/test/slow/rolling-restart.test.ts',
      title: 'two gateways and two workers are restarted one after the other under load: no request fails, and nothing is lost',
    },
  },
  {
    keeps: 'nobody needs a server to start',
    file: 'apps/gateway/src/main.ts',
    edits: [
      [
        '  const gateway = await buildGateway({',
        '  await Promise.all([database.check(2000), store.check({ timeoutMs: 2000 }), bell.ready()])\n  const gateway = await buildGateway({',
      ],
    ],
    test: {
      file: 'packages/stack/test/slow/processes.test.ts',
      title: 'a gateway and a worker that start while $away are away ($how) stay up, and serve when they come, without a restart',
    },
  },
  {
    keeps: 'two missing signs of life mean away',
    file: 'apps/gateway/src/availability.ts',
    edits: [["      if (this.#missing >= 2 && this.#state !== 'away') this.#leave(failure)\n", '      void failure\n']],
    test: {
      file: 'packages/stack/test/slow/processes.test.ts',
      title: 'while %s is frozen for longer than a lease nothing that was taken is lost, and nobody has to be restarted',
    },
  },
  {
    keeps: 'only owners get a URL (chaos: I6)',
    file: 'apps/gateway/src/routes/assets.ts',
    edits: [
      ["  if (asset.userId !== callerOfRequest(request).id) throw new AirlockError('asset_not_yours', { id })\n", '  void request\n'],
    ],
    test: { file: 'packages/stack/test/integration/chaos.test.ts', title: 'nothing accepted is lost in half a minute of chaos' },
  },
  {
    keeps: 'what is bad is not promoted (chaos: I7)',
    file: 'packages/lifecycle/src/process-upload.ts',
    edits: [
      [
        '  if (!verdict.ok) return rejected(claim, verdict.refusal)\n  const asset = await promote(claim, verdict, signal',
        '  const passed = verdict.ok ? verdict : ({ ok: true, mediaType: claim.detectedType, facts: {} } as const)\n  const asset = await promote(claim, passed as never, signal',
      ],
    ],
    test: { file: 'packages/stack/test/integration/chaos.test.ts', title: 'nothing accepted is lost in half a minute of chaos' },
  },
  {
    keeps: 'a copy that is not encrypted is no copy (chaos: I1, I4)',
    file: 'packages/storage/src/s3/write-headers.ts',
    edits: [['    ...encryptionHeaders(options),\n', '']],
    test: { file: 'packages/stack/test/integration/chaos.test.ts', title: 'nothing accepted is lost in half a minute of chaos' },
  },
]
