import type { Guard } from '../guard.ts'

/** The sweeper itself. */
export const sweeper: readonly Guard[] = [
  {
    keeps: 'who lost its turn leaves the rest',
    file: 'packages/lifecycle/src/sweep/turn.ts',
    edits: [["    if (this.#lost) throw new TurnLost('another process sweeps by now')\n", '']],
    test: {
      file: 'packages/lifecycle/test/integration/sweep.test.ts',
      title: 'a sweeper that was silent for too long leaves the rest to the one that followed it',
    },
  },
  {
    keeps: 'a Redis that is away stops no other rule',
    file: 'packages/lifecycle/src/sweep/ring.ts',
    edits: [
      [
        '    if (!(err instanceof BellUnreachable)) throw err\n    log.warn({ uploadId: id, err }',
        "    if (!(err instanceof BellUnreachable) || err.message !== '') throw err\n    log.warn({ uploadId: id, err }",
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/sweep.test.ts',
      title: 'with Redis away the sweeper still abandons what is stale, and rings in a later sweep',
    },
  },
  {
    keeps: 'what was accepted meanwhile keeps its bytes',
    file: 'packages/lifecycle/src/sweep/stale.ts',
    edits: [
      [
        "    if (!(await uploads.abandon(id, refusal('upload_interrupted', { filename }), { giveBack: true }))) return 'nothing to do'",
        "    await uploads.abandon(id, refusal('upload_interrupted', { filename }), { giveBack: true })",
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/sweep.test.ts',
      title: 'an upload that is accepted while the sweeper looks at it stays accepted, with its bytes',
    },
  },
  {
    keeps: 'leftovers are removed',
    file: 'packages/lifecycle/src/sweep/leftovers.ts',
    edits: [['  async moves({ key }, { store }) {\n    await store.purge(key)\n', '  async moves() {\n']],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-quarantine.test.ts',
      title: 'what could not be removed because the store was away is removed by a later sweep: promoted, rejected, refused, cancelled',
    },
  },
  {
    keeps: 'leftovers are looked for',
    file: 'packages/lifecycle/src/sweep/sweep.ts',
    edits: [['  leftovers,\n  unfinished,\n  strays,\n}', '  unfinished,\n  strays,\n}']],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-quarantine.test.ts',
      title: 'what was written late, after its upload was abandoned, is removed by the next sweep',
    },
  },
  {
    keeps: 'what lies in the store is as old as the clock of Postgres says',
    file: 'packages/lifecycle/src/sweep/sweep.ts',
    edits: [['(await deps.uploads.clock()).getTime() - Date.now()', '0 * (await deps.uploads.clock()).getTime()']],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-quarantine.test.ts',
      title: 'what lies in quarantine is as old as the clock of Postgres says, however wrong that of the sweeping worker is',
    },
  },
  {
    keeps: 'one sweep removes no more than it may',
    file: 'packages/lifecycle/src/sweep/rule.ts',
    edits: [[' || (removes && run.removalsLeft === 0)', '']],
    test: {
      file: 'packages/lifecycle/test/integration/sweep.test.ts',
      title: 'one sweep deletes no more than it may, and the next goes on',
    },
  },
  {
    keeps: 'a sweep that is told to stop stops',
    file: 'packages/lifecycle/src/sweep/rule.ts',
    edits: [['  if (options.signal?.aborted || (removes', '  if ((removes']],
    test: { file: 'packages/lifecycle/test/integration/sweep.test.ts', title: 'a sweep that is told to stop ends between two moves' },
  },
  {
    keeps: 'a copy that nobody needs is removed',
    file: 'packages/lifecycle/src/sweep/strays.ts',
    edits: [
      [
        '    else if (isFinal(upload.state)) judged.over.push(object)',
        "    else if (isFinal(upload.state) && object.key === '') judged.over.push(object)",
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-strays.test.ts',
      title: 'a copy that landed after its upload was cancelled, or its asset deleted, is removed',
    },
  },
  {
    keeps: 'only what is proven to be over is removed',
    file: 'packages/lifecycle/src/sweep/strays.ts',
    edits: [
      [
        '    if (!isOf(upload, object)) judged.unproven.push(object)\n    else if (isFinal(upload.state)) judged.over.push(object)',
        '    if (upload === undefined || isFinal(upload.state)) judged.over.push(object)',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-strays.test.ts',
      title: 'what can not be proven to be over is told and never removed',
    },
  },
  {
    keeps: "an object without a row is nobody's to remove",
    file: 'packages/lifecycle/src/sweep/strays.ts',
    edits: [
      [
        '    if (!isOf(upload, object)) judged.unproven.push(object)\n',
        '    if (upload === undefined) judged.over.push(object)\n    else if (!isOf(upload, object)) judged.unproven.push(object)\n',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-strays.test.ts',
      title: 'nothing is lost after an older database was restored',
    },
  },
  {
    keeps: 'assets are asked last',
    file: 'packages/lifecycle/src/sweep/strays.ts',
    edits: [['    if (named.has(object.key)) continue\n', '    void named\n']],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-strays.test.ts',
      title: 'an upload that becomes an asset while the sweeper looks keeps its object',
    },
  },
  {
    keeps: 'what is used does not expire',
    file: 'packages/database/src/assets/unused.ts',
    edits: [['        if (use !== undefined) {', "        if (use !== undefined && id === '') {"]],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-outdated.test.ts',
      title: 'any access in the grace time saves an asset, and so does a brand that shows it',
    },
  },
  {
    keeps: 'only what is final is forgotten',
    file: 'packages/database/src/uploads/ended.ts',
    edits: [
      [
        "const isFinal = `state in ('completed', 'rejected', 'abandoned')`",
        "const isFinal = `state in ('completed', 'rejected', 'abandoned', 'parked', 'received')`",
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/sweep-outdated.test.ts',
      title: 'final uploads of long ago are forgotten; parked ones, living ones and assets stay',
    },
  },
]
