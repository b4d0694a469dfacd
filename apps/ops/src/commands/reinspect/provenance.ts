import { isDeepStrictEqual } from 'node:util'
import type { AssetRecord } from '@airlock/database'
import { assetKind, provenanceText, readProvenance } from '@airlock/domain'
import type { CommandIo } from '../../command.ts'
import { JsonList } from '../../json-list.ts'
import { printable } from '../../table.ts'
import { eachAsset, type Inspector, reasonOf } from './inspector.ts'

export interface FillOptions {
  /** Lists what would be changed, without changes. */
  readonly dryRun: boolean
  /** Also assets whose provenance is known: the list of trusted certificates may have changed. */
  readonly all: boolean
  /** Continues after this id. */
  readonly after: string | null
  readonly json: boolean
}

/**
 * The ends of an asset. `unchanged`: inspection finds what the row has. `changed_meanwhile`: the asset was deleted, or its facts were written by another
 * run. `rejected`: the current rules reject the file, so nothing is known of its provenance. `skipped`: it is known already, or its kind has none.
 */
const ends = ['filled', 'unchanged', 'changed_meanwhile', 'rejected', 'unread', 'skipped'] as const
type End = (typeof ends)[number]

/** Between two lines about the progress. */
const progressMs = 10_000

/**
 * Writes the provenance of stored files to their assets, and nothing else: no asset is rejected or deleted. It may be interrupted and repeated, and several
 * may run at once, because each row is changed only if its provenance is still what was read.
 *
 * @returns the exit code
 */
export async function fillInProvenance(inspector: Inspector, options: FillOptions, io: CommandIo): Promise<number> {
  const list = options.json ? new JsonList('assets', io) : null
  const totals = Object.fromEntries(ends.map((end) => [end, 0])) as Record<End, number>
  let saidAt = Date.now()
  await eachAsset(
    inspector.assets,
    options.after,
    async (asset) => {
      totals[await fillIn(asset, inspector, options, list, io)] += 1
    },
    (last) => {
      if (Date.now() - saidAt < progressMs) return
      saidAt = Date.now()
      io.err(`${Object.values(totals).reduce((sum, n) => sum + n)} assets read. If it is stopped now, --after ${last} continues.`)
    },
  )
  if (list !== null) list.end({ ...totals, dry_run: options.dryRun })
  else io.out(summaryOf(totals, options.dryRun))
  return totals.rejected + totals.unread === 0 ? 0 : 1
}

function summaryOf({ filled, unchanged, changed_meanwhile, rejected, unread, skipped }: Record<End, number>, dryRun: boolean): string {
  return [
    `${filled} ${dryRun ? 'would be filled in' : 'filled in'}, ${unchanged} unchanged, ${changed_meanwhile} changed meanwhile,`,
    `${rejected} rejected by the current rules, ${unread} could not be read, ${skipped} skipped`,
  ].join(' ')
}

async function fillIn(
  asset: AssetRecord,
  inspector: Inspector,
  { all, dryRun }: FillOptions,
  list: JsonList | null,
  io: CommandIo,
): Promise<End> {
  const { id, s3Key, assetType, metadata } = asset
  const stored = metadata?.facts?.provenance
  if (assetType === null || assetKind(assetType).inspector === 'training_set' || (stored !== undefined && !all)) return 'skipped'
  const tell = (text: string, item: object) =>
    list === null ? io.out(printable(`${id} ${s3Key} ${text}`)) : list.add({ id, s3_key: s3Key, ...item })
  try {
    const verdict = await inspector.inspect(asset)
    if (!verdict.ok) {
      const { code, detail } = verdict.refusal
      tell(`is not filled in, the current rules reject it: ${code}: ${detail}`, { code, detail, provenance: null })
      return 'rejected'
    }
    const provenance = readProvenance(verdict.facts.provenance)
    if (provenance === null) throw new Error('inspection did not state its provenance')
    if (isDeepStrictEqual(stored, verdict.facts.provenance)) return 'unchanged'
    if (!dryRun && !(await inspector.assets.setProvenance(asset, provenance))) return 'changed_meanwhile'
    const text = provenanceText(provenance) // of most files there is nothing to tell: they are only counted
    if (text !== null) tell(text, { code: null, detail: null, provenance })
    return 'filled'
  } catch (error) {
    const reason = reasonOf(error)
    list?.add({ id, s3_key: s3Key, code: null, detail: reason, provenance: null })
    io.err(printable(`${id} ${s3Key} could not be read: ${reason}`))
    return 'unread'
  }
}
