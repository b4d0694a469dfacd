import type { Guard } from '../guard.ts'

/** Cancelling and deleting. */
export const endings: readonly Guard[] = [
  {
    keeps: 'of a promotion and a cancellation one wins',
    file: 'packages/database/src/uploads/decisions.ts',
    edits: [['from uploads where id = $1 for update', 'from uploads where id = $1']],
    test: {
      file: 'packages/database/test/integration/decisions.test.ts',
      title: 'when a promotion and a cancellation meet, exactly one wins, and the loser learns it',
    },
  },
  {
    keeps: 'a cancellation asks for a copy that may still land',
    file: 'packages/database/src/uploads/decisions.ts',
    edits: [['(values (quarantine_key), (case when attempt > 0 then final_key end))', '(values (quarantine_key))']],
    test: {
      file: 'packages/lifecycle/test/integration/races.test.ts',
      title: 'an upload that is cancelled $point the copy ($size) of its worker stays unreachable, and its copy goes',
    },
  },
  {
    keeps: 'what a worker is at can be cancelled',
    file: 'packages/database/src/uploads/decisions.ts',
    edits: [["end(`'received', 'processing', 'parked'`)", "end(`'received', 'parked'`)"]],
    test: {
      file: 'packages/lifecycle/test/integration/races.test.ts',
      title: 'an upload that is cancelled while its worker reads it ends at once, and its worker changes nothing',
    },
  },
  {
    keeps: 'a purge removes what it was asked for',
    file: 'packages/lifecycle/src/purge.ts',
    edits: [
      [
        '    await deps.purges.firstDone(key, { againInSeconds })',
        '    await deps.purges.firstDone(key, { againInSeconds: againInSeconds * 0 })\n    await deps.purges.finished(key)',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/races.test.ts',
      title: 'an asset that is deleted $point the copy ($size) of a duplicate delivery stays deleted, and its object goes',
    },
  },
  {
    keeps: 'a rejection behind a copy asks for the copy',
    file: 'packages/database/src/uploads/work.ts',
    edits: [['where attempt > 1 or $7', 'where attempt > 1 or not $7']],
    test: {
      file: 'packages/lifecycle/test/integration/races.test.ts',
      title: 'an upload whose user is deleted $when ends as rejected, and leaves nothing',
    },
  },
  {
    keeps: 'what a brand shows is in use',
    file: 'packages/database/src/assets/repository.ts',
    edits: [["    if (links.length > 0) return 'in_use'\n", '    void links\n']],
    test: {
      file: 'packages/database/test/integration/brands.test.ts',
      title: 'a deletion that meets a link which is just being made waits for it, and finds the asset in use',
    },
  },
  {
    keeps: 'a deletion locks what it deletes',
    file: 'packages/database/src/brands/repository.ts',
    edits: [['const missing = ids.filter((id) => !found.has(id))', "const missing = ids.filter((id) => !found.has(id) && id === '')"]],
    test: {
      file: 'packages/database/test/integration/brands.test.ts',
      title: 'a link that meets a deletion which is just being made does not find the asset',
    },
  },
  {
    keeps: 'a quarantine key proves whose object it is',
    file: 'packages/lifecycle/src/purge.ts',
    edits: [['const isWaiting = uploadIdOfWaitingKey(key) === uploadId', "const isWaiting = uploadIdOfWaitingKey(key) === ''"]],
    test: {
      file: 'packages/lifecycle/test/integration/faults-cancel.test.ts',
      title: 'an upload that is cancelled while Redis has forgotten its job leaves nothing in quarantine',
    },
  },
  {
    keeps: 'a removal happens twice',
    file: 'packages/lifecycle/src/purge.ts',
    edits: [
      ['  const spared = !(await removeIfOurs(one, deps))', '  const spared = firstDoneAt === null && !(await removeIfOurs(one, deps))'],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/faults-cancel.test.ts',
      title: 'what was written late under the quarantine key of a cancelled upload goes with the second removal',
    },
  },
  {
    keeps: 'of ten deletions one deletes',
    file: 'packages/database/src/assets/repository.ts',
    edits: [["'select s3_key from assets where id = $1 for update'", "'select s3_key from assets where id = $1'"]],
    test: { file: 'packages/database/test/integration/deletion.test.ts', title: 'of ten who delete an asset at once, one does' },
  },
  {
    keeps: 'an asset that goes asks for its object to be purged',
    file: 'packages/database/src/migrations/1795478400007-purge-deleted-assets.ts',
    edits: [
      [
        'insert into purges (key, upload_id) values (old.s3_key, old.upload_id)\n',
        'insert into purges (key, upload_id) select old.s3_key, old.upload_id where false\n',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/faults-worker.test.ts',
      title: 'an upload whose asset was deleted while a stale worker still held it stays deleted, and its object goes',
    },
  },
  {
    keeps: 'what is asked for is committed with the deletion',
    file: 'packages/database/src/migrations/1795478400007-purge-deleted-assets.ts',
    edits: [
      ['values (old.s3_key, old.upload_id)', 'values (new.s3_key, new.upload_id)'],
      [
        '      create trigger assets_request_purge after delete on assets\n        for each row when (old.upload_id is not null)\n        execute function assets_request_purge()',
        '      create trigger assets_request_purge after insert on assets\n        for each row when (new.upload_id is not null)\n        execute function assets_request_purge()',
      ],
    ],
    test: { file: 'packages/database/test/integration/deletion.test.ts', title: 'a deletion that is rolled back purges nothing' },
  },
  {
    keeps: 'whoever deletes, the object is asked for',
    file: 'packages/database/src/migrations/1795478400007-purge-deleted-assets.ts',
    edits: [['for each row when (old.upload_id is not null)', 'for each row when (pg_trigger_depth() = 0 and old.upload_id is not null)']],
    test: { file: 'packages/lifecycle/test/integration/purge.test.ts', title: 'a user who is deleted leaves no object behind' },
  },
  {
    keeps: 'the object goes before its row',
    file: 'packages/lifecycle/src/purge.ts',
    edits: [
      [
        '  const spared = !(await removeIfOurs(one, deps))',
        '  await deps.purges.firstDone(key, { againInSeconds: 0 })\n  await deps.purges.finished(key)\n  const spared = !(await removeIfOurs(one, deps))',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/purge.test.ts',
      title: 'a worker that dies at %s (%s it) is followed by one that ends the same way',
    },
  },
  {
    keeps: 'a store that is away is not asked for each object',
    file: 'packages/lifecycle/src/purge.ts',
    edits: [["      if (outcome === 'store away') away = true\n", '']],
    test: {
      file: 'packages/lifecycle/test/integration/purge.test.ts',
      title: 'with the store away one run asks a few times, and what is left is due again when its lease has ended',
    },
  },
  {
    keeps: 'a copy of a paused worker goes with the second removal',
    file: 'packages/lifecycle/src/purge.ts',
    edits: [
      [
        '    await deps.purges.firstDone(key, { againInSeconds })',
        '    await deps.purges.firstDone(key, { againInSeconds })\n    await deps.purges.finished(key)',
      ],
    ],
    test: {
      file: 'packages/lifecycle/test/integration/purge.test.ts',
      title: 'a copy of a paused worker that lands after the first removal is removed by the second',
    },
  },
  {
    keeps: 'nothing is purged that came from another upload',
    file: 'packages/lifecycle/src/purge.ts',
    edits: [['if (!isWaiting && !isFinalCopy) {', 'if (key === null) {']],
    test: {
      file: 'packages/lifecycle/test/integration/purge.test.ts',
      title: 'an object that came from another upload, and one without a word of where it came from, are told and left alone',
    },
  },
  {
    keeps: 'a timer purges what no bell rang for',
    file: 'apps/worker/src/app.ts',
    edits: [['of [sweeper, purger, upkeep, relay]) timer.start()', 'of [sweeper, upkeep, relay]) timer.start()']],
    test: {
      file: 'apps/worker/test/integration/purge.test.ts',
      title: 'what was deleted while no worker ran goes when one starts, and its row a while later',
    },
  },
]
