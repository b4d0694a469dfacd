import type { Guard } from '../guard.ts'

/** Events and the feed. */
export const events: readonly Guard[] = [
  {
    keeps: 'an event is rolled back with its change, and so is its number',
    file: 'packages/database/src/migrations/1795478400016-write-events.ts',
    edits: [
      ['  `create table events (', "  'create sequence event_numbers',\n  `create table events ("],
      ['      returning last\n    )', "      returning nextval('event_numbers')::integer as last\n    )"],
    ],
    test: { file: 'packages/database/test/integration/events.test.ts', title: 'a change that is rolled back is not told' },
  },
  {
    keeps: 'whoever deletes, it is told',
    file: 'packages/database/src/migrations/1795478400016-write-events.ts',
    edits: [['for each row when (old.upload_id is not null)', 'for each row when (pg_trigger_depth() = 0 and old.upload_id is not null)']],
    test: {
      file: 'packages/database/test/integration/events.test.ts',
      title: 'an asset is told when it is marked to expire and when it is gone, by whatever deletes it',
    },
  },
  {
    keeps: 'an upload ends once',
    file: 'packages/database/src/migrations/1795478400016-write-events.ts',
    edits: [['create unique index events_final_once', 'create index events_final_once']],
    test: { file: 'packages/database/test/integration/events.test.ts', title: 'no upload has two ends, not even by plain SQL' },
  },
  {
    keeps: 'a rejection is told',
    file: 'packages/database/src/migrations/1795478400016-write-events.ts',
    edits: [["new.state in ('rejected', 'parked'))", "new.state in ('parked'))"]],
    test: {
      file: 'apps/worker/test/integration/told.test.ts',
      title: 'every upload that ends is told to have ended, exactly once, however it ends',
    },
  },
  {
    keeps: 'numbers have no gap',
    file: 'packages/database/src/migrations/1795478400016-write-events.ts',
    edits: [['set last = known.last + 1', 'set last = known.last + 2']],
    test: {
      file: 'apps/worker/test/integration/told.test.ts',
      title: 'an upload that is parked, tried again, parked again and tried again is told each time, and then how it ended',
    },
  },
  {
    keeps: 'an asset that goes is told',
    file: 'packages/database/src/migrations/1795478400016-write-events.ts',
    edits: [['for each row when (old.upload_id is not null)', 'for each row when (false)']],
    test: {
      file: 'apps/worker/test/integration/told.test.ts',
      title: 'assets that go with their user, or by plain SQL, are told each by itself',
    },
  },
  {
    keeps: 'every worker relays',
    file: 'apps/worker/src/app.ts',
    edits: [['of [sweeper, purger, upkeep, relay]) timer.start()', 'of [sweeper, purger, upkeep]) timer.start()']],
    test: {
      file: 'apps/worker/test/integration/event-relay.test.ts',
      title: 'events that no bell told of, or that came while no worker ran, are relayed by the timer',
    },
  },
  {
    keeps: 'the lease of a relay that died can be taken over',
    file: 'packages/database/src/events/relay.ts',
    edits: [[' or event_relay.lease_until <= now()', '']],
    test: {
      file: 'apps/worker/test/integration/event-relay.test.ts',
      title: 'a relay that died with the lease is followed by another when the lease has run out',
    },
  },
  {
    keeps: 'only the one that has the lease gives places',
    file: 'packages/database/src/events/relay.ts',
    edits: [['  where holder = $1\n  returning last_position', '  where $1::uuid is not null\n  returning last_position']],
    test: {
      file: 'packages/database/test/integration/event-relay.test.ts',
      title: 'a relay whose lease ran out and was taken over gives no position any more',
    },
  },
  {
    keeps: 'one has the lease',
    file: 'packages/database/src/events/relay.ts',
    edits: [['  where event_relay.lease_until is null or event_relay.lease_until <= now()\n', '']],
    test: {
      file: 'apps/worker/test/integration/event-relay.test.ts',
      title: 'many events over several relays get each one place, without a gap',
    },
  },
  {
    keeps: 'the timer relays again and again',
    file: 'apps/worker/src/event-relay-timer.ts',
    edits: [['everySeconds: options.everySeconds, atOnce', 'everySeconds: 3600, atOnce']],
    test: {
      file: 'apps/worker/test/integration/event-relay.test.ts',
      title: 'a relay that fails is told and followed by another, and the figures say how late it is',
    },
  },
  {
    keeps: 'who stops relays a last time',
    file: 'apps/worker/src/event-relay-timer.ts',
    edits: [['    await this.#last()\n', '']],
    test: {
      file: 'apps/worker/test/integration/event-relay.test.ts',
      title: 'what the last jobs of a stopping worker wrote is relayed before it ends',
    },
  },
  {
    keeps: 'what commits late gets a place all the same',
    file: 'packages/database/src/events/relay.ts',
    edits: [
      [
        'from events where position is null order by created_at, sequence, id limit $2',
        "from events where position is null and created_at > coalesce((select max(created_at) from events where position > 0), '-infinity') order by created_at, sequence, id limit $2",
      ],
    ],
    test: {
      file: 'apps/gateway/test/integration/events.test.ts',
      title: 'commits in adverse order hide no event from a consumer that reads all the while',
    },
  },
  {
    keeps: 'who waits looks when the connection is back',
    file: 'apps/gateway/src/following/event-feed.ts',
    edits: [['        this.#connected = true\n        this.#ring()\n', '        this.#connected = true\n']],
    test: {
      file: 'apps/gateway/test/unit/event-feed.test.ts',
      title: 'a notification that was lost with the connection is made up for when it is back',
    },
  },
  {
    keeps: 'who waits looks when the connection is lost',
    file: 'apps/gateway/src/following/event-feed.ts',
    edits: [
      [
        '        this.#connected = false\n        this.#ring()\n        if (this.#waiters.size > 0) this.#lookLater()\n',
        '        this.#connected = false\n',
      ],
    ],
    test: {
      file: 'apps/gateway/test/integration/events.test.ts',
      title: 'with Postgres away it is 503, also for those who waited when it went, and the cursor is good afterwards',
    },
  },
  {
    keeps: 'a gateway that stops lets those go who wait',
    file: 'apps/gateway/src/following/event-feed.ts',
    edits: [['  drain(): void {\n    this.#draining.abort()\n', '  drain(): void {\n']],
    test: {
      file: 'apps/gateway/test/integration/events.test.ts',
      title: 'a consumer that goes away is waited for no longer, and one that waits is answered at once when the gateway stops',
    },
  },
  {
    keeps: 'a cursor from before the oldest event is refused',
    file: 'apps/gateway/src/routes/events.ts',
    edits: [["  if (position < removed) return 'Events behind this cursor are not kept any more'\n", '']],
    test: {
      file: 'apps/gateway/test/integration/events.test.ts',
      title: 'a cursor whose events are gone is 410 and names the oldest; without one the feed begins there',
    },
  },
  {
    keeps: 'a cursor names the event before it',
    file: 'apps/gateway/src/routes/events.ts',
    edits: [['position > last || (position > removed && start.eventId !== eventId)', 'position > last']],
    test: {
      file: 'apps/gateway/test/integration/events.test.ts',
      title: 'a cursor of another feed, or of one that a backup has overtaken, is 410 instead of silence',
    },
  },
  {
    keeps: 'one upkeep forgets many pieces',
    file: 'apps/worker/src/upkeep-timer.ts',
    edits: [['const maxPrunes = 200', 'const maxPrunes = 1']],
    test: {
      file: 'apps/worker/test/integration/upkeep.test.ts',
      title: 'a worker forgets events that are older than EVENT_DAYS, in pieces, and keeps the others',
    },
  },
]
