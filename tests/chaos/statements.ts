import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { withPostgres } from '@airlock/dev-servers'
import { call, reasonIn, tokenFor } from '@airlock/testkit/http'
import type { Client } from 'pg'
import { root } from '../npm-start.ts'
import type { Cluster, Run } from './cluster.ts'
import type { ServerContents } from './server-contents.ts'

/** Statements of the surrounding product, of operators, and those that simulate time. */
export const deleteUser = 'delete from users where id = $1 returning clock_timestamp() as at'
/** Makes the next delivery attempt due, which may be an hour away. */
export const makeDeliveriesDue = `update webhook_deliveries set next_attempt_at = now() - interval '1 ms' where state = 'pending'`

/** Retries all parked uploads whose cause may be over, by the documented commands. */
export async function retryParked({ ops }: Pick<Cluster, 'ops'>): Promise<void> {
  for (const code of ['processing_failed', 'inspection_failed'])
    await ops(['jobs', 'retry', '--code', code, '--reason', 'the servers are repaired', '--yes'])
}

/** The documented statements after a restore of an older database. */
export function cleanUpAfterRestore(): string {
  const page = readFileSync(join(root, 'docs/operating.md'), 'utf8')
  const found = /delete from uploads where state = 'receiving';.*?update assets [^;]*;/s.exec(page)
  if (found === null) throw new Error('docs/operating.md does not have the statements')
  return found[0]
}

/** Airlock's sessions may be read-only; these are not. */
const writable = '?options=-c%20default_transaction_read_only%3Doff'

/** Repeats a statement until Postgres confirms it. @throws the last of many errors */
export async function execute<Row extends object>(
  { stack }: Pick<Cluster, 'stack'>,
  statement: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const query = (client: Client) => client.query<Row>(statement, [...values])
  return (await withRetries(() => withPostgres(stack.postgres.url + writable, query, 60_000))).rows
}

/** Longer than any fault, and than delays of a busy machine. */
const maxTries = 120
const pauseMs = 500

/**
 * Repeats a call of chaos itself until it succeeds: a server may be unavailable, or the machine slow.
 *
 * @throws the last of many errors, or the first if the object is missing
 */
export async function withRetries<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      if (attempt === maxTries || isMissing(error)) throw error
      await wait(pauseMs)
    }
  }
}

/** Whether the store reports that the object is missing. */
export const isMissing = (error: unknown): boolean =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404

type World = Pick<Run, 'cluster' | 'history'>

const endGrace = 'update assets set expiring_at = now() where expiring_at > now()'
/** One day more than UNUSED_ASSET_DAYS of the cluster. */
const becomeOld = `update assets set created_at = now() - interval '2 days' where upload_id = $1`

/** Number of assets that become old at the end; every second one is used. */
const agedAtOnce = 10

/** Shortens the grace period of each marked asset to a second, until it is stopped. */
export async function endGracePeriods(cluster: Cluster, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await execute(cluster, endGrace)
    await wait(1000, undefined, { signal: until }).catch(() => {})
  }
}

/** Backdates an upload's asset by two days. */
export async function ageAsset({ cluster, history }: World, uploadId: string): Promise<void> {
  await execute(cluster, becomeOld, [uploadId])
  history.add({ event: 'aged', uploadId })
}

/** Requests a URL of an asset. */
export async function useAsset(
  { history }: Pick<World, 'history'>,
  { gateway, uploadId, assetId, token }: { gateway: string; uploadId: string; assetId: string; token: string },
): Promise<void> {
  history.add({ event: 'use asked', uploadId })
  const answer = await call(`${gateway}/api/assets/${assetId}/presigned`, { token })
  history.add(answer.status === 200 ? { event: 'use done', uploadId } : { event: 'failed', what: 'use', uploadId, why: reasonIn(answer) })
}

/** Lets some assets expire without faults, so that this is tested on slow machines too. */
export async function ageSome(contents: ServerContents, world: World): Promise<void> {
  const { cluster } = world
  const [gateway = ''] = cluster.gateways
  for (const [index, { id: assetId, user_id: userId, upload_id: uploadId }] of (await contents.assets()).slice(0, agedAtOnce).entries()) {
    await ageAsset(world, uploadId)
    if (index % 2 === 1) await useAsset(world, { gateway, uploadId, assetId, token: tokenFor(userId, cluster.jwtSecret) })
  }
}
