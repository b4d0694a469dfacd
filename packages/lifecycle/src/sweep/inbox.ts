import type { UploadRecord } from '@airlock/database'
import { idsOfInboxKey, inboxPrefix } from '@airlock/domain'
import { type GeneratedVideo, generatedVideoJob, JobQueueUnreachable, PayloadMalformed, parseGeneratedVideo } from '@airlock/queue'
import type { ListedObject, ObjectStore, StoredObject } from '@airlock/storage'
import { type Moved, rule } from './rule.ts'
import { idsAtOnce, lookAt } from './stored-objects.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'

/** The maximum of keys in one log line. */
const shown = 5

/** A video in the inbox without a row, and the payload of its job. */
export interface Unannounced {
  readonly key: string
  readonly payload: GeneratedVideo
}

/**
 * Videos in the pipeline's inbox without a row: their job was lost, or their producer died before it enqueued one. The object's metadata has
 * everything for a job. Objects whose metadata is invalid, or which belong to another upload, are logged and stay: an operator must decide.
 */
export const inbox = rule<Unannounced>({
  async finds(after, deps, options) {
    const objects = await deps.store.list(inboxPrefix, { limit: idsAtOnce, ...(after !== null && { after }) })
    const { unknown, unexplained } = await judgeInbox(objects, deps, options)
    const { items, unreadable } = await payloadsOf(unknown, deps.store)
    report(
      [
        ...unexplained.map(({ key }) => `${key}: not a key of the pipeline, or of another upload`),
        ...unreadable.map(({ key, reason }) => `${key}: ${reason}`),
      ],
      deps,
    )
    return { items, next: objects.length < idsAtOnce ? null : (objects.at(-1)?.key ?? null) }
  },
  moves: ({ payload, key }, deps) => enqueueVideo(payload, key, deps),
  message: 'video in the inbox had no row, enqueued',
  about: ({ key, payload }) => ({ uploadId: payload.upload_id, userId: payload.user_id, key }),
  // the pause between two passes equals the time that producers have to enqueue
  rests: ({ inboxEnqueueAfterSeconds }) => inboxEnqueueAfterSeconds,
})

function report(problems: readonly string[], { log }: SweepDeps): void {
  if (problems.length === 0) return
  const fields = { rule: 'inbox', step: 'sweep', count: problems.length, objects: problems.slice(0, shown) }
  log.warn(fields, "objects in the inbox can't be enqueued, left unchanged")
}

/** Objects in the inbox, judged by their keys and rows. */
export interface JudgedInbox {
  /** It has no row, and the time of its producer to announce it has passed. */
  readonly unknown: ListedObject[]
  /** A pipeline may not write its key, or the row of its upload has its bytes elsewhere. */
  readonly unexplained: ListedObject[]
}

/**
 * The objects are listed before the rows are read, so that the row of a video that was just registered is found. Ages are by the database's
 * clock: a wrong clock of a worker delays no video.
 *
 * @param objects at most 100
 */
export async function judgeInbox(
  objects: readonly ListedObject[],
  { uploads }: { uploads: Pick<SweepDeps['uploads'], 'byIds' | 'clock'> },
  { inboxEnqueueAfterSeconds }: Pick<SweepOptions, 'inboxEnqueueAfterSeconds'>,
): Promise<JudgedInbox> {
  if (objects.length === 0) return { unknown: [], unexplained: [] }
  const placed = objects.map((object) => ({ object, id: idsOfInboxKey(object.key)?.uploadId ?? null }))
  const rows = new Map((await uploads.byIds(placed.flatMap(({ id }) => id ?? []))).map((upload) => [upload.id, upload]))
  const oldEnough = (await uploads.clock()).getTime() - inboxEnqueueAfterSeconds * 1000
  const judged: JudgedInbox = { unknown: [], unexplained: [] }
  for (const { object, id } of placed) {
    const upload = id === null ? undefined : rows.get(id)
    if (id === null || !isAt(object.key, upload)) judged.unexplained.push(object)
    else if (upload === undefined && object.lastModified.getTime() <= oldEnough) judged.unknown.push(object)
  }
  return judged
}

const isAt = (key: string, upload: UploadRecord | undefined): boolean => upload === undefined || upload.quarantineKey === key

/** The payloads of the jobs for these objects, and the reasons for which some have none. */
export async function payloadsOf(
  objects: readonly ListedObject[],
  store: Pick<ObjectStore, 'head'>,
): Promise<{ items: Unannounced[]; unreadable: { key: string; reason: string }[] }> {
  const items: Unannounced[] = []
  const unreadable: { key: string; reason: string }[] = []
  for (const { key, object, refused } of await lookAt(objects, store)) {
    if (refused !== null) unreadable.push({ key, reason: `the store refuses to read it: ${refused}` })
    if (object === null) continue // its upload has ended since it was listed
    const payload = payloadOf(key, object)
    if (typeof payload === 'string') unreadable.push({ key, reason: payload })
    else items.push({ key, payload })
  }
  return { items, unreadable }
}

/**
 * The payload of an object's job, from its key and its metadata: `user-id` and, percent-encoded, `filename`; optionally `sha256`, `metadata`
 * (JSON, percent-encoded) and `priority`.
 *
 * @returns a text with the reason when the metadata is invalid
 */
function payloadOf(key: string, { metadata: given }: StoredObject): GeneratedVideo | string {
  const ids = idsOfInboxKey(key)
  try {
    return parseGeneratedVideo(generatedVideoJob, {
      version: 1,
      upload_id: ids?.uploadId,
      user_id: given['user-id'],
      project_id: ids?.projectId,
      key,
      filename: given.filename === undefined ? undefined : decodeURIComponent(given.filename),
      ...(given.sha256 !== undefined && { sha256: given.sha256 }),
      ...(given.metadata !== undefined && { metadata: JSON.parse(decodeURIComponent(given.metadata)) }),
      ...(given.priority !== undefined && { priority: given.priority }),
    })
  } catch (error) {
    const isTheirs = error instanceof PayloadMalformed || error instanceof URIError || error instanceof SyntaxError
    if (!isTheirs) throw error
    return `its x-amz-meta headers are invalid: ${error.message}`
  }
}

/** A job that failed because job and object name different owners is left to operators, as long as Redis keeps it. */
async function enqueueVideo(payload: GeneratedVideo, key: string, { jobQueue, log }: SweepDeps): Promise<Moved> {
  const uploadId = payload.upload_id
  try {
    const failure = await jobQueue.failureOf('videos', uploadId)
    if (failure?.isDisputed) {
      log.warn(
        { uploadId, key, failure: failure.reason, rule: 'inbox', step: 'sweep' },
        'owner of a video in the inbox is disputed, left unchanged',
      )
      return 'nothing to do'
    }
    return (await jobQueue.ensureVideoEnqueued(payload)) ? 'moved' : 'nothing to do'
  } catch (err) {
    if (!(err instanceof JobQueueUnreachable)) throw err
    log.warn({ uploadId, err }, 'upload not enqueued, the next sweep retries')
    return 'queue unreachable'
  }
}
