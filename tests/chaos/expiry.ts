import { setTimeout as wait } from 'node:timers/promises'
import { call, tokenFor } from '@airlock/testkit/http'
import type { Arena } from './arena.ts'
import type { Facts } from './facts.ts'
import type { History } from './history.ts'
import { insist } from './product.ts'

interface World {
  readonly arena: Arena
  readonly history: History
}

const endGrace = 'update assets set expiring_at = now() where expiring_at > now()'
/** One day more than UNUSED_ASSET_DAYS of the arena. */
const becomeOld = `update assets set created_at = now() - interval '2 days' where upload_id = $1`

/** Number of assets that become old at the end; every second one is used. */
const agedAtOnce = 10

/** Shortens the grace period of each marked asset to a second, until it is stopped. */
export async function passDays(arena: Arena, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await insist(arena, endGrace)
    await wait(1000, undefined, { signal: until }).catch(() => {})
  }
}

/** Backdates an upload's asset by two days. */
export async function ageAsset({ arena, history }: World, uploadId: string): Promise<void> {
  await insist(arena, becomeOld, [uploadId])
  history.add({ event: 'aged', uploadId })
}

/** Requests a URL of an asset. */
export async function useAsset(
  { history }: Pick<World, 'history'>,
  { gateway, uploadId, assetId, token }: { gateway: string; uploadId: string; assetId: string; token: string },
): Promise<void> {
  history.add({ event: 'use asked', uploadId })
  const answer = await call(`${gateway}/api/assets/${assetId}/presigned`, { token })
  if ('lost' in answer) return
  history.add(answer.status === 200 ? { event: 'used', uploadId } : { event: 'failed', what: 'use', uploadId, why: String(answer.status) })
}

/** Lets some assets expire without faults, so that this is tested on slow machines too. */
export async function ageSome(facts: Facts, world: World): Promise<void> {
  const { arena } = world
  const [gateway = ''] = arena.gateways
  for (const [index, { id: assetId, user_id: userId, upload_id: uploadId }] of (await facts.assets()).slice(0, agedAtOnce).entries()) {
    await ageAsset(world, uploadId)
    if (index % 2 === 1) await useAsset(world, { gateway, uploadId, assetId, token: tokenFor(userId, arena.jwtSecret) })
  }
}
