import type { AssetRecord } from '@airlock/database'
import { inspectionVersion } from '@airlock/inspection/full'
import type { CommandIo } from '../../command.ts'
import { JsonList } from '../../json-list.ts'
import { printable } from '../../table.ts'
import { eachAsset, type Inspector, reasonOf } from './inspector.ts'

/** Lists the assets that the current rules would reject, without changes. @returns the exit code */
export async function reportRejected(inspector: Inspector, { all, json }: { all: boolean; json: boolean }, io: CommandIo): Promise<number> {
  const list = json ? new JsonList('assets', io) : null
  const totals = { passed: 0, rejected: 0, unread: 0, skipped: 0 }
  await eachAsset(inspector.assets, null, async (asset) => {
    if (!all && asset.metadata?.facts?.inspection_version === inspectionVersion) totals.skipped += 1
    else totals[await report(asset, inspector, list, io)] += 1
  })
  const { passed, rejected, unread, skipped } = totals
  if (list !== null) list.end({ ...totals })
  else
    io.out(
      `${passed} would pass, ${rejected} would be rejected, ${unread} could not be read, ${skipped} skipped (accepted under the current rules)`,
    )
  return rejected + unread === 0 ? 0 : 1
}

async function report(asset: AssetRecord, inspector: Inspector, list: JsonList | null, io: CommandIo) {
  const { id, s3Key } = asset
  try {
    const verdict = await inspector.inspect(asset)
    if (verdict.ok) return 'passed'
    const { code, detail } = verdict.refusal
    if (list) list.add({ id, s3_key: s3Key, code, detail })
    else io.out(printable(`${id} ${s3Key} ${code}: ${detail}`))
    return 'rejected'
  } catch (error) {
    const reason = reasonOf(error)
    list?.add({ id, s3_key: s3Key, code: null, detail: reason })
    io.err(printable(`${id} ${s3Key} could not be read: ${reason}`))
    return 'unread'
  }
}
