import { type Cluster, renders } from './cluster.ts'
import type { FeedEvent } from './consumer.ts'
import type { History, UploadEvent } from './history.ts'
import type { ServerContents } from './server-contents.ts'

/** A violated guarantee. */
export interface Violation {
  readonly invariant: `I${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13}`
  readonly uploadId: string | null
  readonly what: string
}

/** What the participants of a run know. */
interface Observations {
  readonly history: History
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

/** The input of the checks: the responses to clients, and the contents of the servers. */
export type Evidence = Awaited<ReturnType<typeof gather>>

export async function gather(contents: ServerContents, observations: Observations) {
  const { history } = observations
  const ids = (...events: UploadEvent[]) => new Set(events.flatMap((event) => history.all(event).map(({ uploadId }) => uploadId)))
  return {
    ...observations,
    /** By key; those under the final prefixes, in quarantine and in the inbox. */
    objects: await contents.objects(await contents.keys()),
    uploads: new Map((await contents.uploads()).map((row) => [row.id, row])),
    assets: await contents.assets(),
    unfinished: await contents.unfinished(),
    /** The objects in the pipeline's own bucket, by key. */
    rendered: await contents.objects(await contents.keys(renders), renders),
    /** By name. */
    sent: new Map(history.all('sent').map(({ file }) => [file.name, file])),
    /** Upload ids, with the name of their file. */
    acknowledged: new Map(history.all('acknowledged').map(({ uploadId, name }) => [uploadId, name])),
    /** Uploads with a request for cancellation or deletion, and those with a confirmation. */
    asked: ids('cancel asked', 'delete asked'),
    cancelled: ids('cancel done'),
    deleted: ids('delete done'),
    /** Uploads whose asset became old, those of them that were requested, and those that were returned. */
    aged: ids('aged'),
    useAsked: ids('use asked'),
    used: ids('use done'),
    /** When users were deleted, by the clock of Postgres. */
    deletedUsers: new Map(history.all('user deleted').map(({ userId, at }) => [userId, at])),
  }
}
