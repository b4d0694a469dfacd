import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
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
import { isMediaType, type Refusal } from '@airlock/domain'
import { inspectionVersion } from '@airlock/inspection/full'
import { defaultIsolation, findLauncher, InspectorPool } from '@airlock/inspection/isolated'
import { type ObjectStore, s3ObjectStore } from '@airlock/storage'
import { type Command, type CommandIo, UsageError } from '../command.ts'
import { JsonList } from '../json-list.ts'
import { printable } from '../table.ts'

const names = [...databaseVariables, ...storeVariables, ...inspectionVariables] as const

const batchSize = 200

export const reinspectCommand: Command = {
  name: 'reinspect',
  summary: 'list stored assets that the current rules would reject',
  usage: `--dry-run [--all] [--json]

  --dry-run          required: the command only reports
  --all              inspects all assets, not only those accepted under other versions of the rules
  --json             prints one JSON object

Prints a line for each asset that would be rejected, then the totals.
Exit codes: 0 all would pass, 1 an asset would be rejected or could not be read, 2 invalid arguments.`,
  example: '--dry-run --all',
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { 'dry-run': { type: 'boolean' }, all: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
    })
    if (!values['dry-run']) throw new UsageError('--dry-run is missing: this command only reports, it never changes assets')
    const list = values.json ? new JsonList('assets', io) : null
    const totals = await inspectAll(values.all, list, io)
    if (list !== null) list.end({ ...totals })
    else
      io.out(
        `${totals.passed} would pass, ${totals.rejected} would be rejected, ${totals.unread} could not be read, ${totals.skipped} skipped (accepted under the current rules)`,
      )
    return totals.rejected + totals.unread === 0 ? 0 : 1
  },
}

interface Totals {
  passed: number
  rejected: number
  unread: number
  /** Accepted under the current rules, so not inspected. */
  skipped: number
}

interface Tools {
  readonly assets: Pick<AssetRepository, 'batch'>
  readonly store: Pick<ObjectStore, 'head' | 'source'>
  readonly pool: Pick<InspectorPool, 'inspect'>
  /** For programs; null: lines for people. */
  readonly list: JsonList | null
}

async function inspectAll(all: boolean, list: JsonList | null, io: CommandIo): Promise<Totals> {
  const config = readConfig(io.env, names)
  const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
  const store = s3ObjectStore(storeSettings(config))
  const settings = inspectionSettings(config)
  const pool = new InspectorPool(
    availableParallelism(),
    { ...settings, limits: { ...defaultIsolation.limits, ...settings.limits } },
    findLauncher(),
  )
  try {
    return await eachAsset({ assets: database.assets, store, pool, list }, all, io)
  } finally {
    await Promise.all([pool.close(), database.close()])
    store.close()
  }
}

async function eachAsset(tools: Tools, all: boolean, io: CommandIo): Promise<Totals> {
  const totals: Totals = { passed: 0, rejected: 0, unread: 0, skipped: 0 }
  let after: string | null = null
  for (;;) {
    const batch: AssetRecord[] = await tools.assets.batch({ after, limit: batchSize })
    const wanted = batch.filter(({ metadata }) => all || metadata?.facts?.inspection_version !== inspectionVersion)
    totals.skipped += batch.length - wanted.length
    await concurrently(wanted, (asset) => report(asset, tools, totals, io))
    after = batch.at(-1)?.id ?? null
    if (batch.length < batchSize) return totals
  }
}

/** As many at once as there are inspector processes. */
async function concurrently(assets: readonly AssetRecord[], work: (asset: AssetRecord) => Promise<void>): Promise<void> {
  const left = assets.values()
  const worker = async () => {
    for (const asset of left) await work(asset)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

async function report(asset: AssetRecord, tools: Tools, totals: Totals, io: CommandIo): Promise<void> {
  try {
    const refusal = await refusalOf(asset, tools)
    const { id, s3Key } = asset
    if (refusal && tools.list) tools.list.add({ id, s3_key: s3Key, code: refusal.code, detail: refusal.detail })
    else if (refusal) io.out(printable(`${id} ${s3Key} ${refusal.code}: ${refusal.detail}`))
    totals[refusal ? 'rejected' : 'passed'] += 1
  } catch (error) {
    totals.unread += 1
    const reason = error instanceof Error ? error.message : String(error)
    tools.list?.add({ id: asset.id, s3_key: asset.s3Key, code: null, detail: reason })
    io.err(printable(`${asset.id} ${asset.s3Key} could not be read: ${reason}`))
  }
}

/** Inspects the object that is at the final key now; all reads are pinned to it. */
async function refusalOf({ s3Key, filename, assetType, mediaType }: AssetRecord, { store, pool }: Tools): Promise<Refusal | null> {
  if (assetType === null || filename === null || mediaType === null || !isMediaType(mediaType))
    throw new Error('its row has no type or filename')
  const object = await store.head(s3Key)
  if (object === null) throw new Error('its object does not exist')
  const verdict = await pool.inspect(store.source(s3Key, object), { filename, mediaType, assetType }, new AbortController().signal)
  return verdict.ok ? null : verdict.refusal
}
