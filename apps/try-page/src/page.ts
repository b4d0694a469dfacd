import { Airlock, type Event } from '@airlock/client'
import { Assets } from './assets.ts'
import { Feed } from './feed.ts'
import { HealthWatch } from './health.ts'
import { type Choice, firstChoice } from './kinds.ts'
import { readSample } from './samples.ts'
import { Session } from './session.ts'
import { Uploads } from './uploads.ts'
import { Value } from './value.ts'

/** Everything that the page knows and does, for its components. */
export interface Page {
  readonly baseUrl: string
  readonly session: Session
  readonly health: HealthWatch
  readonly uploads: Uploads
  readonly assets: Assets
  readonly feed: Feed
  readonly choice: Value<Choice>
  /** The last thing that happened, in words, for screen readers. */
  readonly announcement: Value<string>
}

export function startPage(): Page {
  const baseUrl = location.origin
  const session = new Session()
  const airlock = new Airlock({ baseUrl, token: session.token })
  const announcement = new Value('')
  const uploads = new Uploads({ airlock, readSample, announce: (text) => announcement.set(text) })
  const assets = new Assets(airlock)
  const health = new HealthWatch()
  const feed = new Feed(session, ({ type, data }: Event) => {
    if (type === 'asset.deleted') uploads.forgetAsset(data.asset_id)
    if (type === 'asset.deleted' || type === 'upload.completed') void assets.load()
  })
  // after an outage
  health.state.subscribe(() => {
    if (health.state.get().is === 'ok') void assets.load()
  })
  health.start()
  feed.start()
  uploads.resume()
  return { baseUrl, session, health, uploads, assets, feed, choice: new Value(firstChoice), announcement }
}
