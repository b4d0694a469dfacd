import type { Breach, Evidence } from './evidence.ts'

/** I5: quarantine, inbox, open multipart uploads, `receiving` rows, purges, webhook deliveries and queues are empty; only parked uploads keep their bytes. */
export function nothingIsLeft({ unsettled, uploads }: Evidence): Breach[] {
  const breach = (what: string, uploadId: string | null = null): Breach => ({ invariant: 'I5', uploadId, what })
  const rows = [...uploads.values()]
  const parked = new Set(rows.filter(({ state }) => state === 'parked').map(({ quarantine_key }) => quarantine_key))
  const byKey = new Map(rows.map((row) => [row.quarantine_key, row]))
  return [
    ...rows.filter(({ state }) => state === 'receiving').map(({ id }) => breach('still receiving', id)),
    ...rows.filter(({ state }) => ['received', 'processing'].includes(state)).map(({ id, state }) => breach(`still ${state}`, id)),
    ...unsettled.quarantined
      .filter((key) => !parked.has(key))
      .map((key) => breach(`${key} waits, its row is ${byKey.get(key)?.state ?? 'unknown'}`, byKey.get(key)?.id)),
    ...unsettled.openUploads.map((key) => breach(`a multipart upload of ${key} is open`, byKey.get(key)?.id)),
    ...(unsettled.purges > 0 ? [breach(`${unsettled.purges} objects still wait to be purged`)] : []),
    ...(unsettled.deliveries > 0 ? [breach(`${unsettled.deliveries} webhooks still wait to be delivered`)] : []),
    ...(unsettled.jobs > 0 ? [breach(`${unsettled.jobs} jobs still wait in Redis`)] : []),
  ]
}
