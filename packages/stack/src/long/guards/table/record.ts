import type { Guard } from '../guard.ts'

/** Looking after the record. */
export const record: readonly Guard[] = [
  {
    keeps: 'what Postgres could not hear waits',
    file: 'apps/gateway/src/access-log.ts',
    edits: [['    this.#waiting = [...batch, ...this.#waiting]', '    void batch']],
    test: {
      file: 'apps/gateway/test/unit/access-log.test.ts',
      title: 'entries wait while the database is away, in their order, and are told once',
    },
  },
  {
    keeps: 'what waits is bounded',
    file: 'apps/gateway/src/access-log.ts',
    edits: [['    if (tooMany <= 0) return', '    if (tooMany <= 0 || tooMany > 0) return']],
    test: { file: 'apps/gateway/test/unit/access-log.test.ts', title: 'when too many wait the oldest are lost, and counted' },
  },
  {
    keeps: 'what is refused is not tried again',
    file: 'apps/gateway/src/access-log.ts',
    edits: [['    if (!(err instanceof DatabaseUnavailable) || this.#closed) {', '    if (!(err instanceof Error) || this.#closed) {']],
    test: {
      file: 'apps/gateway/test/unit/access-log.test.ts',
      title: 'what the database refuses is told and does not block what comes after',
    },
  },
  {
    keeps: 'who stops tries once',
    file: 'apps/gateway/src/access-log.ts',
    edits: [['    if (!(err instanceof DatabaseUnavailable) || this.#closed) {', '    if (!(err instanceof DatabaseUnavailable)) {']],
    test: {
      file: 'apps/gateway/test/unit/access-log.test.ts',
      title: 'closing while the database is away tries once, and says what is lost',
    },
  },
  {
    keeps: 'an access waits for nobody',
    file: 'packages/database/src/access-log/repository.ts',
    edits: [[' skip locked', '']],
    test: {
      file: 'packages/database/test/integration/access-log.test.ts',
      title: 'the log does not wait for an asset that somebody has locked',
    },
  },
  {
    keeps: 'a run that fails is followed by another',
    file: 'apps/worker/src/recurring-work.ts',
    edits: [['      .catch((err: unknown) => this.#recurrence.onFailure(err))\n', '']],
    test: {
      file: 'apps/worker/test/integration/upkeep.test.ts',
      title: 'months that can not be made are told, and an upkeep that fails is followed by another',
    },
  },
]
