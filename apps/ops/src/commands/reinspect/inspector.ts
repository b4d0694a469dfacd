import { availableParallelism } from 'node:os'
import {
  databaseSettings,
  databaseVariables,
  inspectionSettings,
  inspectionVariables,
  readConfig,
  storeSettings,
  storeVariables,
} from '@airlock/config'
import { type AssetRecord, type AssetRepository, openDatabase } from '@airlock/database'
import { isMediaType, type ProvenancePolicyOfKind, type Verdict } from '@airlock/domain'
import { defaultIsolation, findLauncher, InspectorPool } from '@airlock/inspection/isolated'
import { type ObjectStore, s3ObjectStore } from '@airlock/storage'
import type { CommandIo } from '../../command.ts'

const names = [...databaseVariables, ...storeVariables, ...inspectionVariables] as const

/** Assets that are read together. */
const batchSize = 200

export interface Inspector {
  readonly assets: AssetRepository
  /**
   * Inspects the object that is at the final key now; all reads are pinned to it.
   *
   * @throws Error if it cannot be read, or inspection reaches no verdict
   */
  inspect(asset: AssetRecord): Promise<Verdict>
}

/** @param policy of content credentials, in place of that of the settings */
export async function withInspector<T>(
  io: CommandIo,
  use: (inspector: Inspector) => Promise<T>,
  policy?: ProvenancePolicyOfKind,
): Promise<T> {
  const config = readConfig(io.env, names)
  const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
  const store = s3ObjectStore(storeSettings(config))
  const settings = inspectionSettings(config)
  const limits = { ...defaultIsolation.limits, ...settings.limits }
  const provenance = { ...limits.provenance, ...(policy && { policy }) }
  const pool = new InspectorPool(availableParallelism(), { ...settings, limits: { ...limits, provenance } }, findLauncher())
  try {
    return await use({ assets: database.assets, inspect: (asset) => inspect(asset, store, pool) })
  } finally {
    await Promise.all([pool.close(), database.close()])
    store.close()
  }
}

async function inspect(
  { s3Key, filename, assetType, mediaType }: AssetRecord,
  store: Pick<ObjectStore, 'head' | 'source'>,
  pool: Pick<InspectorPool, 'inspect'>,
): Promise<Verdict> {
  if (assetType === null || filename === null || mediaType === null || !isMediaType(mediaType))
    throw new Error('its row has no type or filename')
  const object = await store.head(s3Key)
  if (object === null) throw new Error('its object does not exist')
  return pool.inspect(store.source(s3Key, object), { filename, mediaType, assetType }, new AbortController().signal)
}

/**
 * Reads all assets that came through Airlock, by id, and works on as many at once as there are inspector processes.
 *
 * @param after an id, to continue after it
 * @param work must not throw
 * @param onBatch called after each batch with the last id
 */
export async function eachAsset(
  assets: Pick<AssetRepository, 'batch'>,
  after: string | null,
  work: (asset: AssetRecord) => Promise<void>,
  onBatch: (last: string) => void = () => {},
): Promise<void> {
  let place = after
  for (;;) {
    const batch: AssetRecord[] = await assets.batch({ after: place, limit: batchSize })
    const left = batch.values()
    const worker = async () => {
      for (const asset of left) await work(asset)
    }
    await Promise.all(Array.from({ length: availableParallelism() }, worker))
    const last = batch.at(-1)
    if (last !== undefined) onBatch(last.id)
    if (last === undefined || batch.length < batchSize) return
    place = last.id
  }
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
