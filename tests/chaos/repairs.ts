import { setTimeout as wait } from 'node:timers/promises'
import { bucket } from './cluster.ts'
import type { Violation } from './evidence.ts'
import type { ServerContents } from './server-contents.ts'

/** Maximum duration of repairs in seconds, with the settings of the cluster (docs/guarantees.md), and a statement for what waits for one. */
const repairs = {
  'an accepted file has no job': { seconds: 2, statement: null },
  'the worker of a file is gone': { seconds: 1.5, statement: null },
  'a file of an ended request was not abandoned': {
    seconds: 1,
    statement: `select id from uploads where state = 'receiving' and coalesce(expires_at, created_at + interval '10 s') < now()`,
  },
  'an event has no position in the feed': { seconds: 5, statement: 'select upload_id as id from events where position is null' },
  'a due purge has not happened': { seconds: 1, statement: 'select upload_id as id from purges where due_at < now()' },
  // the longest call, and a pass
  'bytes of an upload that has ended still wait': { seconds: 5, statement: null },
  'a due event was not delivered': {
    seconds: 5,
    statement: `select upload_id as id from webhook_deliveries d where state = 'pending' and next_attempt_at < now() and not exists (
      select from webhook_deliveries e where e.upload_id = d.upload_id and e.state = 'pending' and e.position < d.position)`,
  },
} as const satisfies Record<string, { seconds: number; statement: string | null }>

type Repair = keyof typeof repairs

/** Uploads without a live job that are due, or whose lease has expired. */
const unworked = `select id, state from uploads
  where (state = 'received' and coalesce(next_attempt_at, received_at) < now()) or (state = 'processing' and lease_until < now())`

const bytesLeft = `select id from uploads where state in ('completed', 'rejected', 'abandoned') and quarantine_key = any($1)`

/** An item that waits for a repair. */
export interface Due {
  readonly repair: Repair
  readonly id: string
}

/** Additional time for a busy machine, in ms, and the number of complete sweeps that must have run. */
const slackMs = 5000
const sweepsAtLeast = 4

/** I12: no repair takes longer than documented, while all servers are available. */
export class RepairWatch {
  readonly #since = new Map<string, { ms: number; sweeps: number }>()
  readonly violations = new Map<string, Violation>()

  /**
   * @param now time of the observation in ms, and the number of completed sweeps
   * @param due all items that wait for a repair at that time
   */
  look(now: { ms: number; sweeps: number }, due: readonly Due[]): void {
    const waiting = new Set(due.map(keyOf))
    for (const key of this.#since.keys()) if (!waiting.has(key)) this.#since.delete(key)
    for (const one of due) {
      const key = keyOf(one)
      const since = this.#since.get(key) ?? now
      this.#since.set(key, since)
      const [ms, sweeps] = [now.ms - since.ms, now.sweeps - since.sweeps]
      if (ms <= repairs[one.repair].seconds * 1000 + slackMs || sweeps < sweepsAtLeast) continue
      const what = `${one.repair} for ${Math.round(ms / 1000)} s and ${sweeps} sweeps, documented are ${repairs[one.repair].seconds} s`
      this.violations.set(key, { invariant: 'I12', uploadId: one.id, what })
    }
  }

  /** Observes until the signal fires. */
  async run(contents: ServerContents, until: AbortSignal): Promise<void> {
    let [sweeps, last] = [0, '']
    while (!until.aborted) {
      const [sweeper] = await contents.rows<{ at: string | null }>('select ended_at::text as at from sweeper')
      const endedAt = sweeper?.at ?? last // null before the first one has ended
      if (endedAt !== last) sweeps += 1
      last = endedAt
      this.look({ ms: performance.now(), sweeps }, await dueNow(contents))
      await wait(300, undefined, { signal: until }).catch(() => {})
    }
  }
}

const keyOf = ({ repair, id }: Due): string => `${repair} ${id}`

async function dueNow(contents: ServerContents): Promise<Due[]> {
  const due: Due[] = []
  for (const [repair, { statement }] of Object.entries(repairs)) {
    if (statement === null) continue
    for (const { id } of await contents.rows<{ id: string }>(statement)) due.push({ repair: repair as Repair, id })
  }
  const uploads = await contents.rows<{ id: string; state: string }>(unworked)
  const worked = uploads.length === 0 ? new Set<string>() : await contents.livingJobs()
  for (const { id, state } of uploads.filter((upload) => !worked.has(upload.id)))
    due.push({ repair: state === 'received' ? 'an accepted file has no job' : 'the worker of a file is gone', id })
  const waiting = [...(await contents.keys(bucket, 'quarantine/')), ...(await contents.keys(bucket, 'pipeline-inbox/'))]
  const ended = waiting.length === 0 ? [] : await contents.rows<{ id: string }>(bytesLeft, [waiting])
  for (const { id } of ended) due.push({ repair: 'bytes of an upload that has ended still wait', id })
  return due
}
