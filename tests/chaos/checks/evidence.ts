import type { Arena } from '../arena.ts'
import type { Told } from '../consumer.ts'
import type { AssetRow, Facts, FoundObject, Unsettled, UploadRow } from '../facts.ts'
import type { History, SentFile, UploadEvent } from '../history.ts'

/** A promise that was broken. */
export interface Breach {
  readonly invariant: `I${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13}`
  readonly uploadId: string | null
  readonly what: string
}

/** All that a check may look at: what clients were told, and what the servers say. */
export interface Evidence {
  readonly history: History
  readonly uploads: ReadonlyMap<string, UploadRow>
  readonly assets: readonly AssetRow[]
  /** By key; those under the final prefixes, in quarantine and in the inbox. */
  readonly objects: ReadonlyMap<string, FoundObject>
  readonly unsettled: Unsettled
  /** SHA-256 of what lies in the pipeline's own bucket, by key. */
  readonly rendered: ReadonlyMap<string, string>
  /** By name. */
  readonly sent: ReadonlyMap<string, SentFile>
  /** Upload ids, with the name of their file. */
  readonly acknowledged: ReadonlyMap<string, string>
  /** Uploads that somebody asked to be cancelled or deleted, and those where that was confirmed. */
  readonly asked: ReadonlySet<string>
  readonly cancelled: ReadonlySet<string>
  readonly deleted: ReadonlySet<string>
  /** Uploads whose asset became too old, those of them that somebody wanted to use, and those where that worked. */
  readonly aged: ReadonlySet<string>
  readonly useAsked: ReadonlySet<string>
  readonly used: ReadonlySet<string>
  /** When users were deleted, by the clock of Postgres. */
  readonly deletedUsers: ReadonlyMap<string, Date>
  /** SHA-256 of what may never become an asset. */
  readonly badHashes: ReadonlySet<string>
  /** What the feed tells when all has settled, and what was heard by somebody who read all the while. */
  readonly feed: readonly Told[]
  readonly heard: readonly Told[]
  /** Ids of the events that a webhook endpoint answered with success. */
  readonly delivered: ReadonlySet<string>
  readonly filesPerHour: number
  readonly arena: Arena
}

export async function gather(
  facts: Facts,
  history: History,
  rest: Pick<Evidence, 'badHashes' | 'filesPerHour' | 'arena' | 'feed' | 'heard' | 'delivered'>,
): Promise<Evidence> {
  const objects = new Map<string, FoundObject>()
  for (const key of await facts.keys()) {
    const object = await facts.object(key)
    if (object !== null) objects.set(key, object)
  }
  const ids = (...events: UploadEvent[]) => new Set(events.flatMap((event) => history.all(event).map(({ uploadId }) => uploadId)))
  return {
    ...rest,
    history,
    objects,
    uploads: new Map((await facts.uploads()).map((row) => [row.id, row])),
    assets: await facts.assets(),
    unsettled: await facts.unsettled(),
    rendered: await facts.rendered(),
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
