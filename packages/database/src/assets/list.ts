import { type AssetType, assetTypes, type ListedProvenance } from '@airlock/domain'
import { Asset, type AssetRecord } from '../entities/asset.ts'
import { rowReader } from '../entities/columns.ts'
import type { Session } from '../sessions.ts'

/** The last asset of the previous page. */
export interface AssetCursor {
  readonly createdAt: Date
  readonly id: string
}

export interface AssetListOptions {
  readonly userId: string
  /** 1 to 100. */
  readonly limit: number
  /** The cursor of the previous page; none for the first. */
  readonly before?: AssetCursor | null | undefined
  readonly assetType?: AssetType | null | undefined
  readonly projectId?: string | null | undefined
  readonly brandId?: string | null | undefined
  /** The state of their content credentials. Assets whose provenance is unknown are in no such list. */
  readonly provenance?: ListedProvenance | null | undefined
  /** What they state: by their content credentials where these say it, else by unsigned declarations (`isAiGenerated`). */
  readonly aiGenerated?: boolean | null | undefined
  /** Later than this moment. */
  readonly createdAfter?: Date | null | undefined
  /** Earlier than this moment. */
  readonly createdBefore?: Date | null | undefined
}

export interface AssetPage {
  /** Newest first. */
  readonly assets: readonly AssetRecord[]
  /** Null when this page was the last. */
  readonly next: AssetCursor | null
}

/** The expressions of the indexes for lists by provenance; see their migration. */
const provenance = `coalesce(metadata #>> '{facts,provenance,state}', case metadata #>> '{facts,provenance,present}' when 'false' then 'none' end)`
const aiGenerated = `coalesce(metadata #>> '{facts,provenance,ai_generated}', metadata #>> '{facts,provenance,declared,ai_generated}')`

/** The expression by which the indexes for lists are ordered; see their migration. */
const made = `(created_at at time zone 'UTC')`
const moment = (value: string) => `(${value}::timestamptz at time zone 'UTC')`

/** The SQL condition of each filter. Only the filters in use are part of the statement, so that an index fits it. */
const conditions = {
  assetType: (value) => `asset_type = ${value}`,
  projectId: (value) => `project_id = ${value}`,
  brandId: (value) => `brand_id = ${value}`,
  provenance: (value) => `${provenance} = ${value}`,
  aiGenerated: (value) => `${aiGenerated} = ${value}`,
  createdAfter: (value) => `${made} > ${moment(value)}`,
  createdBefore: (value) => `${made} < ${moment(value)}`,
} as const satisfies { [K in keyof AssetListOptions]?: (value: string) => string }

const read = rowReader(Asset)

/** @throws RangeError when `limit` is not 1 to 100 */
export async function listAssets({ rows }: Session, options: AssetListOptions): Promise<AssetPage> {
  const { limit } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw new RangeError(`limit is ${limit}, but must be from 1 to 100`)
  const { sql, parameters } = listStatement(options)
  const found = (await rows(sql, parameters)).map(read)
  const assets = found.slice(0, limit)
  const last = assets.at(-1)
  return { assets, next: found.length > limit && last !== undefined ? { createdAt: last.createdAt, id: last.id } : null }
}

/** The statement of a page, plus one asset, which shows whether there is a next page. */
export function listStatement(options: AssetListOptions): { sql: string; parameters: unknown[] } {
  const parameters: unknown[] = []
  const value = (of: unknown) => `$${parameters.push(of)}`

  const where = [`user_id = ${value(options.userId)}`]
  for (const [name, condition] of Object.entries(conditions) as [keyof typeof conditions, (value: string) => string][]) {
    const given = options[name]
    if (given !== undefined && given !== null) where.push(condition(value(given)))
  }
  if (options.before) {
    // The index is descending in time and ascending in ids, so a row comparison does not fit; the index starts from the first condition.
    const at = moment(value(options.before.createdAt))
    where.push(`${made} <= ${at}`, `(${made} < ${at} or id > ${value(options.before.id)})`)
  }
  const order = `order by ${made} desc, id limit ${value(options.limit + 1)}`
  const select = `select * from assets where ${where.join(' and ')}`
  if (!isByProvenanceOfAllKinds(options)) return { sql: `${select} ${order}`, parameters }
  const ofKinds = assetTypes.map((type) => `(${select} and asset_type = '${type}' ${order})`)
  return { sql: `select * from (${ofKinds.join(' union all ')}) as assets ${order}`, parameters }
}

/**
 * The indexes for lists by provenance begin with the kind, so that a kind without such an asset is not searched for among all others. A list of all kinds
 * takes a page of each kind, and of these the newest.
 */
function isByProvenanceOfAllKinds({ provenance, aiGenerated, assetType }: AssetListOptions): boolean {
  return (provenance ?? aiGenerated ?? null) !== null && (assetType ?? null) === null
}
