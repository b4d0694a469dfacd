import { type Cluster, renders } from './cluster.ts'
import type { FeedEvent } from './consumer.ts'
import type { History, SentFile, UploadEvent } from './history.ts'
import type { AssetRow, FoundObject, ServerContents, Unfinished, UploadRow } from './server-contents.ts'

/** A violated guarantee. */
export interface Violation {
  readonly invariant: `I${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13}`
  readonly uploadId: string | null
  readonly what: string
}

/** The input of the checks: the responses to clients, and the contents of the servers. */
export interface Evidence {
  readonly history: History
  readonly uploads: ReadonlyMap<string, UploadRow>
  readonly assets: readonly AssetRow[]
  /** By key; those under the final prefixes, in quarantine and in the inbox. */
  readonly objects: ReadonlyMap<string, FoundObject>
  readonly unfinished: readonly Unfinished[]
  /** The objects in the pipeline's own bucket, by key. */
  readonly rendered: ReadonlyMap<string, Pick<FoundObject, 'sha256'>>
  /** By name. */
  readonly sent: ReadonlyMap<string, SentFile>
  /** Upload ids, with the name of their file. */
  readonly acknowledged: ReadonlyMap<string, string>
  /** Uploads with a request for cancellation or deletion, and those with a confirmation. */
  readonly asked: ReadonlySet<string>
  readonly cancelled: ReadonlySet<string>
  readonly deleted: ReadonlySet<string>
  /** Uploads whose asset became old, those of them that were requested, and those that were returned. */
  readonly aged: ReadonlySet<string>
  readonly useAsked: ReadonlySet<string>
  readonly used: ReadonlySet<string>
  /** When users were deleted, by the clock of Postgres. */
  readonly deletedUsers: ReadonlyMap<string, Date>
  /** SHA-256 of files that must not become assets. */
  readonly badHashes: ReadonlySet<string>
  /** The feed at the end, and the events that a continuous reader got. */
  readonly feed: readonly FeedEvent[]
  readonly received: readonly FeedEvent[]
  /** Ids of the events that a webhook endpoint accepted. */
  readonly delivered: ReadonlySet<string>
  readonly filesPerHour: number
  readonly cluster: Cluster
}

export async function gather(
  contents: ServerContents,
  history: History,
  rest: Pick<Evidence, 'badHashes' | 'filesPerHour' | 'cluster' | 'feed' | 'received' | 'delivered'>,
): Promise<Evidence> {
  const ids = (...events: UploadEvent[]) => new Set(events.flatMap((event) => history.all(event).map(({ uploadId }) => uploadId)))
  return {
    ...rest,
    history,
    objects: await contents.objects(await contents.keys()),
    uploads: new Map((await contents.uploads()).map((row) => [row.id, row])),
    assets: await contents.assets(),
    unfinished: await contents.unfinished(),
    rendered: await contents.objects(await contents.keys(renders), renders),
    sent: new Map(history.all('sent').map(({ file }) => [file.name, file])),
    acknowledged: new Map(history.all('acknowledged').map(({ uploadId, name }) => [uploadId, name])),
    asked: ids('cancel asked', 'delete asked'),
    cancelled: ids('cancelled'),
    deleted: ids('deleted'),
    aged: ids('aged'),
    useAsked: ids('use asked'),
    used: ids('used'),
    deletedUsers: new Map(history.all('user deleted').map(({ userId, at }) => [userId, at])),
  }
}
