import type { OperatorNote, OpsLog } from '@airlock/database'
import { idsOfInboxKey, inboxPrefix } from '@airlock/domain'
import type { ListedObject, ObjectStore } from '@airlock/storage'
import { judgeInbox, payloadsOf } from './inbox.ts'
import { idsAtOnce } from './stored-objects.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'

/** Why an object in the inbox is not enqueued, and stays until an operator decides. */
export const inboxProblemKinds = {
  disputed: 'its job and its metadata name different owners',
  invalid: 'its metadata is invalid, or the store refuses to read it',
  foreign: 'its key is not a valid key of a pipeline, or belongs to an upload whose bytes are elsewhere',
} as const

export interface InboxProblem {
  readonly key: string
  readonly kind: keyof typeof inboxProblemKinds
  readonly detail: string
  readonly sizeBytes: number
  readonly lastModified: Date
}

export interface InboxProblemPage {
  readonly problems: readonly InboxProblem[]
  /** The last key of the page; null when it was the last page. */
  readonly next: string | null
}

export interface InboxDeps {
  uploads: Pick<SweepDeps['uploads'], 'byIds' | 'clock'>
  store: Pick<ObjectStore, 'list' | 'head' | 'purge'>
  /** @throws JobQueueUnreachable: without Redis a disputed object can't be recognised */
  jobQueue: Pick<SweepDeps['jobQueue'], 'failureOf'>
}

type InboxOptions = Pick<SweepOptions, 'inboxEnqueueAfterSeconds'>

/** One page of the objects in the inbox that an operator must decide about. @param after a key; null for the first page */
export async function inboxProblems(after: string | null, options: InboxOptions, deps: InboxDeps): Promise<InboxProblemPage> {
  const objects = await deps.store.list(inboxPrefix, { limit: idsAtOnce, ...(after !== null && { after }) })
  const problems = await problemsOf(objects, options, deps)
  return { problems, next: objects.length < idsAtOnce ? null : (objects.at(-1)?.key ?? null) }
}

async function problemsOf(objects: readonly ListedObject[], options: InboxOptions, deps: InboxDeps): Promise<InboxProblem[]> {
  const { unknown, unexplained } = await judgeInbox(objects, deps, options)
  const { items, unreadable } = await payloadsOf(unknown, deps.store)
  const found = new Map<string, Pick<InboxProblem, 'kind' | 'detail'>>()
  for (const { key } of unexplained) found.set(key, { kind: 'foreign', detail: inboxProblemKinds.foreign })
  for (const { key, reason } of unreadable) found.set(key, { kind: 'invalid', detail: reason })
  for (const { key, payload } of items) {
    const failure = await deps.jobQueue.failureOf('videos', payload.upload_id)
    if (failure?.isDisputed) found.set(key, { kind: 'disputed', detail: failure.reason })
  }
  return objects.flatMap(({ key, sizeBytes, lastModified }) => {
    const problem = found.get(key)
    return problem === undefined ? [] : [{ key, sizeBytes, lastModified, ...problem }]
  })
}

/** `no_problem`: it waits to be enqueued, or an upload needs it. `registered`: it was removed, and has become an upload at the same time. */
export type ClearedObject = 'cleared' | 'gone' | 'no_problem' | 'registered'

/**
 * Removes an object from the inbox at an operator's request, after it was judged again: an object that has become an upload since, or that waits to be
 * enqueued, stays. The row of the log is written before the removal.
 *
 * A producer that enqueues the object in the milliseconds between the judgement and the removal gets an upload without bytes, which is parked as
 * `upload_vanished`; the result reports it.
 *
 * @throws StoreError, DatabaseUnavailable, JobQueueUnreachable  it may have been logged, and is still there
 */
export async function clearFromInbox(
  key: string,
  by: OperatorNote,
  options: InboxOptions,
  deps: InboxDeps & { opsLog: Pick<OpsLog, 'write'> },
): Promise<ClearedObject> {
  const object = (await deps.store.list(key, { limit: 1 })).find((listed) => listed.key === key)
  if (object === undefined || !key.startsWith(inboxPrefix)) return 'gone'
  const [problem] = await problemsOf([object], options, deps)
  if (problem === undefined) return 'no_problem'
  const uploadId = idsOfInboxKey(key)?.uploadId ?? null
  const { kind, detail, sizeBytes } = problem
  await deps.opsLog.write({ ...by, action: 'clear', uploadId, lane: 'videos', details: { key, kind, detail, size_bytes: sizeBytes } })
  await deps.store.purge(key)
  const upload = uploadId === null ? undefined : (await deps.uploads.byIds([uploadId]))[0]
  return upload?.quarantineKey === key ? 'registered' : 'cleared'
}
