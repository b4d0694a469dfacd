import type { Breach, Evidence } from './evidence.ts'

/** I11: the endpoint got every event of the feed at least once, and nothing else. */
export function everyEventIsDelivered({ feed, delivered }: Evidence): Breach[] {
  const published = new Set(feed.map(({ data }) => data.event_id))
  return [
    ...feed
      .filter(({ data }) => !delivered.has(data.event_id))
      .map(({ type, data }) => ({
        invariant: 'I11' as const,
        uploadId: data.upload_id,
        what: `${type} was never delivered to the endpoint`,
      })),
    ...[...delivered]
      .filter((id) => !published.has(id))
      .map((id) => ({ invariant: 'I11' as const, uploadId: null, what: `the endpoint got ${id}, which is not in the feed` })),
  ]
}
