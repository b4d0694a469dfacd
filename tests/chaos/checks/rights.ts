import { randomUUID } from 'node:crypto'
import { call, tokenFor } from '@airlock/testkit/http'
import { sha256 } from '../files.ts'
import type { Breach, Evidence } from './evidence.ts'

/** Number of assets that are checked; each takes several calls. */
const sampleSize = 25

/** I6: an asset's owner gets a working URL, and nobody else does. */
export async function onlyOwnersPresign({ assets, uploads, sent, arena }: Evidence): Promise<Breach[]> {
  const breaches: Breach[] = []
  const step = Math.max(1, Math.floor(assets.length / sampleSize))
  for (const asset of assets.filter((_, index) => index % step === 0)) {
    const url = `${arena.gateways[0]}/api/assets/${asset.id}/presigned`
    const add = (what: string) => breaches.push({ invariant: 'I6', uploadId: asset.upload_id, what })
    const stranger = await call(url, { token: tokenFor(randomUUID(), arena.jwtSecret) })
    if ('lost' in stranger || stranger.status !== 403) add(`a stranger was told ${JSON.stringify(stranger)}`)
    const owner = await call(url, { token: tokenFor(asset.user_id, arena.jwtSecret) })
    if ('lost' in owner || owner.status !== 200) {
      add(`the owner was told ${JSON.stringify(owner)}`)
      continue
    }
    const fetched = await fetch((owner.body as { presigned_url: string }).presigned_url, { signal: AbortSignal.timeout(10_000) })
    const wanted = sent.get(uploads.get(asset.upload_id)?.original_filename ?? '')?.sha256
    if (!fetched.ok || sha256(await fetched.bytes()) !== wanted) add(`the owner's URL gave other bytes, or none: ${fetched.status}`)
  }
  return breaches
}

/** I8: no user got more files accepted than the hourly limit; a run is shorter than an hour. It does not apply to pipelines. */
export function nobodyBeyondTheLimit({ uploads, filesPerHour }: Evidence): Breach[] {
  const counts = new Map<string, number>()
  for (const { user_id, counted, state, door } of uploads.values()) {
    if (door === 'pipeline') continue
    const accepted = state !== 'receiving' && state !== 'abandoned'
    if (counted || accepted) counts.set(user_id, (counts.get(user_id) ?? 0) + 1)
  }
  return [...counts]
    .filter(([, count]) => count > filesPerHour)
    .map(([userId, count]) => ({ invariant: 'I8', uploadId: null, what: `${userId} has ${count} files, the limit is ${filesPerHour}` }))
}
