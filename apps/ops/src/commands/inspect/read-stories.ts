import { withTimeout } from '@airlock/async'
import { errorLine } from '@airlock/config'
import type { AssetRecord, Database, DeliveryRow, EventRecord, OpsLogEntry, UploadRecord } from '@airlock/database'
import { inboxPrefix, isUuid, quarantineKey, uploadStates } from '@airlock/domain'
import type { ObjectAddress, ObjectStore } from '@airlock/storage'

/** An object as the store shows it now. */
export interface ObjectState {
  readonly place: 'quarantine' | 'inbox' | 'pipeline bucket' | 'final'
  readonly key: string
  /** Of the pipeline; null: ours. */
  readonly bucket: string | null
  /** Null: the store did not answer. */
  readonly exists: boolean | null
  readonly sizeBytes: number | null
  readonly lastModified: Date | null
  readonly error: string | null
}

/** All that is known about an upload and its asset. Either row may have been deleted, or never have existed. */
export interface Story {
  /** Null for an asset of another program. */
  readonly uploadId: string | null
  readonly upload: UploadRecord | null
  readonly asset: AssetRecord | null
  readonly objects: readonly ObjectState[]
  readonly events: readonly EventRecord[]
  readonly deliveries: readonly DeliveryRow[]
  readonly changes: readonly OpsLogEntry[]
}

export interface StoryDeps {
  readonly database: Pick<Database, 'uploads' | 'assets' | 'events' | 'webhooks' | 'opsLog'>
  readonly store: Pick<ObjectStore, 'head'>
}

/** The maximum of events, deliveries and changes of one upload. */
export const maxRows = 100

/** The maximum of uploads of one request. */
export const maxStories = 20

/**
 * The uploads that an id means: the id of an upload, of an asset, or of a request.
 *
 * @param since how far back uploads of a request are searched: their ids have no index
 * @returns the stories, and whether the request has more uploads
 */
export async function readStories(id: string, since: Date, deps: StoryDeps): Promise<{ stories: Story[]; hasMore: boolean }> {
  const own = isUuid(id) ? await ofRow(id.toLowerCase(), deps) : null
  if (own !== null) return { stories: [own], hasMore: false }
  const { uploads } = deps.database
  const found = await uploads.browse({ states: uploadStates, requestId: id, since, order: 'oldest first', limit: maxStories })
  const stories: Story[] = []
  for (const upload of found.uploads) stories.push(await storyOf({ upload, uploadId: upload.id, asset: null }, deps))
  return { stories, hasMore: found.next !== null }
}

/** The story of an upload or asset with this id; null if nothing refers to it. */
async function ofRow(id: string, deps: StoryDeps): Promise<Story | null> {
  const { uploads, assets } = deps.database
  const upload = await uploads.byId(id)
  if (upload !== null) return storyOf({ upload, uploadId: id, asset: null }, deps)
  const asset = await assets.byId(id)
  const uploadId = asset === null ? id : asset.uploadId
  const story = await storyOf({ upload: asset?.uploadId ? await uploads.byId(asset.uploadId) : null, uploadId, asset }, deps)
  const { events, changes, objects } = story
  const isKnown = story.asset !== null || events.length > 0 || changes.length > 0 || objects.some(({ exists }) => exists)
  return isKnown ? story : null
}

async function storyOf(known: Pick<Story, 'upload' | 'uploadId' | 'asset'>, { database, store }: StoryDeps): Promise<Story> {
  const { uploadId, upload } = known
  if (uploadId === null) return { ...known, objects: await objectsOf(known, store), events: [], deliveries: [], changes: [] }
  const { assets, events: feed, webhooks, opsLog } = database
  const limit = maxRows
  const asset = known.asset ?? (await assets.ofUpload(uploadId))
  const [objects, events, changes] = await Promise.all([
    objectsOf({ uploadId, upload, asset }, store),
    feed.ofUpload(uploadId, { limit }),
    opsLog.ofUpload(uploadId, { limit }),
  ])
  const deliveries =
    events.length === 0
      ? []
      : await webhooks.ofEvents(
          events.map(({ id }) => id),
          { limit },
        )
  return { uploadId, upload, asset, objects, events, deliveries, changes }
}

function objectsOf({ uploadId, upload, asset }: Pick<Story, 'upload' | 'uploadId' | 'asset'>, store: StoryDeps['store']) {
  const { source = null } = upload ?? {}
  const waitingKey = upload?.quarantineKey ?? (uploadId === null ? null : quarantineKey(uploadId))
  const finalKey = asset?.s3Key ?? upload?.finalKey ?? null
  const found: Promise<ObjectState>[] = []
  if (source !== null) found.push(stateOf('pipeline bucket', source, store))
  else if (waitingKey !== null) found.push(stateOf(waitingKey.startsWith(inboxPrefix) ? 'inbox' : 'quarantine', waitingKey, store))
  if (finalKey !== null) found.push(stateOf('final', finalKey, store))
  return Promise.all(found)
}

/** A store that does not answer does not hide the rest of the story. */
const timeoutMs = 5000

async function stateOf(place: ObjectState['place'], address: ObjectAddress, store: StoryDeps['store']): Promise<ObjectState> {
  const at = { place, ...(typeof address === 'string' ? { key: address, bucket: null } : address) }
  try {
    const object = await withTimeout(store.head(address), timeoutMs, () => new Error(`no answer in ${timeoutMs} ms`))
    return { ...at, exists: object !== null, sizeBytes: object?.sizeBytes ?? null, lastModified: object?.lastModified ?? null, error: null }
  } catch (error) {
    return { ...at, exists: null, sizeBytes: null, lastModified: null, error: errorLine(error) }
  }
}
