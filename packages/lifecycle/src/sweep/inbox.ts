import type { UploadRecord } from '@airlock/database'
import { idsOfInboxKey, inboxPrefix } from '@airlock/domain'
import { type GeneratedVideo, generatedVideoJob, JobQueueUnreachable, PayloadMalformed, parseGeneratedVideo } from '@airlock/queue'
import type { ListedObject, ObjectStore, StoredObject } from '@airlock/storage'
import { isDisputed } from '../register-video.ts'
import { lookAt } from './look.ts'
import { idsAtOnce } from './reclaimable.ts'
import { type Moved, rule } from './rule.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'

/** Keys that one line of the log names. */
const shown = 5

/** A video in the inbox that no row knows, and what its job has to say. */
export interface Unannounced {
  readonly key: string
  readonly payload: GeneratedVideo
}

/**
 * Videos in the pipeline's inbox that no row knows: their bell got lost, or their producer died before it rang. The object says all that a job
 * needs. What can't be read so, or is another upload's, is told and stays: only people can tell what it is.
 */
export const inbox = rule<Unannounced>({
  async finds(after, deps, options) {
    const objects = await deps.store.list(inboxPrefix, { limit: idsAtOnce, ...(after !== null && { after }) })
    const { unknown, unexplained } = await judgeInbox(objects, deps, options)
    const { items, unreadable } = await payloadsOf(unknown, deps.store)
    tell([...unexplained.map(({ key }) => `${key}: it is none of a pipeline's, or another upload's`), ...unreadable], deps)
    return { items, next: objects.length < idsAtOnce ? null : (objects.at(-1)?.key ?? null) }
  },
  moves: ({ payload, key }, deps) => ring(payload, key, deps),
  says: 'video in the inbox that no row knows, rung for',
  about: ({ key, payload }) => ({ uploadId: payload.upload_id, userId: payload.user_id, key }),
  // from one pass to the next as long as a producer gets to ring itself
  rests: ({ inboxEnqueueAfterSeconds }) => inboxEnqueueAfterSeconds,
})

function tell(whats: readonly string[], { log }: SweepDeps): void {
  if (whats.length === 0) return
  const fields = { rule: 'inbox', step: 'sweep', count: whats.length, objects: whats.slice(0, shown) }
  log.warn(fields, 'objects in the inbox that can not be announced, left alone')
}

/** What is known of objects in the inbox by their keys and their rows. */
export interface JudgedInbox {
  /** No row knows it, and its producer had its time to announce it. */
  readonly unknown: ListedObject[]
  /** Its key is none that a pipeline may write, or the row of its upload has its bytes elsewhere. */
  readonly unexplained: ListedObject[]
}

/**
 * The objects are listed first and the rows read then, so that what was just registered is known. Ages are by the database's clock: a worker
 * whose own is wrong keeps no video waiting.
 *
 * @param objects at most 100
 */
export async function judgeInbox(
  objects: readonly ListedObject[],
  { uploads }: Pick<SweepDeps, 'uploads'>,
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

/** What jobs of these objects would say, and of the others why it can't be said. */
export async function payloadsOf(
  objects: readonly ListedObject[],
  store: Pick<ObjectStore, 'head'>,
): Promise<{ items: Unannounced[]; unreadable: string[] }> {
  const items: Unannounced[] = []
  const unreadable: string[] = []
  for (const { key, object, refused } of await lookAt(objects, store)) {
    if (refused !== null) unreadable.push(`${key}: the store will not show it: ${refused}`)
    if (object === null) continue // it came to its end meanwhile
    const payload = payloadOf(key, object)
    if (typeof payload === 'string') unreadable.push(`${key}: ${payload}`)
    else items.push({ key, payload })
  }
  return { items, unreadable }
}

/**
 * What the job of an object would say, from its key and its metadata: `user-id` and, percent-encoded, `filename`; and where they are there,
 * `sha256`, `metadata` (JSON, percent-encoded) and `priority`.
 *
 * @returns why it can't be said, in words
 */
function payloadOf(key: string, { metadata: said }: StoredObject): GeneratedVideo | string {
  const place = idsOfInboxKey(key)
  try {
    return parseGeneratedVideo(generatedVideoJob, {
      version: 1,
      upload_id: place?.uploadId,
      user_id: said['user-id'],
      project_id: place?.projectId,
      key,
      filename: said.filename === undefined ? undefined : decodeURIComponent(said.filename),
      ...(said.sha256 !== undefined && { sha256: said.sha256 }),
      ...(said.metadata !== undefined && { metadata: JSON.parse(decodeURIComponent(said.metadata)) }),
      ...(said.priority !== undefined && { priority: said.priority }),
    })
  } catch (error) {
    const isTheirs = error instanceof PayloadMalformed || error instanceof URIError || error instanceof SyntaxError
    if (!isTheirs) throw error
    return `its x-amz-meta headers are not as they must be: ${error.message}`
  }
}

/** A job that failed because job and object tell different owners is for people to look at, as long as Redis keeps it. */
async function ring(payload: GeneratedVideo, key: string, { jobQueue, log }: SweepDeps): Promise<Moved> {
  const uploadId = payload.upload_id
  try {
    const failure = await jobQueue.failureOf('videos', uploadId)
    if (isDisputed(failure)) {
      log.warn({ uploadId, key, failure, rule: 'inbox', step: 'sweep' }, 'video in the inbox is disputed, left alone')
      return 'nothing to do'
    }
    return (await jobQueue.ensureVideoEnqueued(payload)) ? 'moved' : 'nothing to do'
  } catch (err) {
    if (!(err instanceof JobQueueUnreachable)) throw err
    log.warn({ uploadId, err }, 'no worker woken, the next sweep will try')
    return 'unheard'
  }
}
