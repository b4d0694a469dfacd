import type { Told } from '../consumer.ts'
import type { UploadRow } from '../facts.ts'
import type { Breach, Evidence } from './evidence.ts'

/**
 * I9: each ended upload has exactly one final event, and each deleted asset another; the events of an upload are numbered without gaps; and a continuous
 * reader got every event once, in the final order of the feed.
 */
export function everythingIsTold(evidence: Evidence): Breach[] {
  const { feed, uploads } = evidence
  const byUpload = Map.groupBy(feed, ({ data }) => data.upload_id)
  const wrong = [...uploads.values()].flatMap((row) => {
    const told = byUpload.get(row.id) ?? []
    return [...wrongNumbers(told), ...wrongOwner(told, row), ...wrongTypes(told, row, evidence)].map((what) => breach(what, row.id))
  })
  const ofNobody = [...byUpload.keys()].filter((id) => !uploads.has(id)).map((id) => breach('events of an upload that is not there', id))
  return [...wrong, ...ofNobody, ...wrongHearing(evidence)]
}

const breach = (what: string, uploadId: string | null): Breach => ({ invariant: 'I9', uploadId, what })

function wrongNumbers(told: readonly Told[]): string[] {
  const numbers = told.map(({ data }) => data.sequence)
  return numbers.every((number, i) => number === i + 1) ? [] : [`its events are numbered ${numbers.join(', ')}`]
}

const wrongOwner = (told: readonly Told[], row: UploadRow): string[] =>
  told.some(({ data }) => data.user_id !== row.user_id) ? ['an event names another user'] : []

function wrongTypes(told: readonly Told[], { id, state }: UploadRow, { assets }: Evidence): string[] {
  const types = told.map(({ type }) => type)
  const whole = types.filter((type) => type !== 'upload.parked' && type !== 'asset.expiring').join(', ')
  const hasAsset = assets.some(({ upload_id }) => upload_id === id)
  const expected = {
    completed: hasAsset ? 'upload.completed' : 'upload.completed, asset.deleted',
    rejected: 'upload.rejected',
  }[state]
  if (whole !== (expected ?? '')) return [`${state}, and the feed tells: ${types.join(', ') || 'nothing'}`]
  return state === 'parked' && types.at(-1) !== 'upload.parked' ? ['parked, and the feed does not tell it'] : []
}

function wrongHearing({ heard, feed }: Evidence): Breach[] {
  const ids = (events: readonly Told[]) => events.map(({ data }) => data.event_id)
  const [mine, all] = [ids(heard), ids(feed)]
  const known = new Set(mine)
  const hidden = feed.filter(({ data }) => !known.has(data.event_id))
  const found = hidden.map(({ type, data }) => breach(`nobody who read all the while heard of ${type}`, data.upload_id))
  if (found.length === 0 && mine.join() !== all.join())
    found.push(breach(`what was heard (${mine.length}) is not the feed (${all.length}), or in another order`, null))
  return found
}
