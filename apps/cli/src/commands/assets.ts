import type { Airlock, AssetType, ListAssetsQuery } from '@airlock/client'
import type { Context } from '../context.ts'
import { failureOf, Misuse } from '../failure.ts'
import { connect, type ServerOptions } from '../server.ts'
import type { Terminal } from '../terminal.ts'
import { bytesText, count, cut, printable } from '../text.ts'

interface Named extends ServerOptions {
  readonly json?: boolean
}

interface ListOptions extends Named {
  readonly assetType?: AssetType
  readonly project?: string
  readonly brand?: string
  readonly provenance?: ListAssetsQuery['provenance']
  readonly aiGenerated?: 'yes' | 'no'
  readonly limit: number
}

/** Assets per request. */
const pageSize = 100

const patient = { retry: { forMs: 5000 } }

export async function listAssets(options: ListOptions, { terminal }: Context): Promise<number> {
  const { assetType, project: projectId, brand: brandId, provenance, limit } = options
  const aiGenerated = options.aiGenerated === undefined ? undefined : options.aiGenerated === 'yes'
  const airlock = connect(options, terminal).client(patient)
  let printed = 0
  for (let cursor: string | undefined; printed < limit; ) {
    const filter = { assetType, projectId, brandId, provenance, aiGenerated }
    const page = await airlock.assets.list({ ...filter, cursor, limit: Math.min(pageSize, limit - printed) })
    for (const asset of page.assets) {
      const { asset_id, size_bytes, original_filename } = asset
      const name = printable(original_filename ?? '')
      const shown = terminal.hasReader ? cut(name, terminal.columns - 49) : name
      terminal.out(
        options.json ? JSON.stringify(asset) : `${asset_id}  ${(size_bytes === null ? '' : bytesText(size_bytes)).padStart(8)}  ${shown}`,
      )
    }
    printed += page.assets.length
    if (page.next_cursor === null || page.assets.length === 0) break
    cursor = page.next_cursor
  }
  if (printed === 0) terminal.err('There are no assets.')
  return 0
}

interface UrlOptions extends Named {
  readonly hours?: number
  readonly download?: boolean
}

/** Prints URLs that read assets without a token, and nothing else, so that a script can use them. */
export async function assetUrls(ids: readonly string[], options: UrlOptions, { terminal }: Context): Promise<number> {
  const { url, client } = connect(options, terminal)
  const airlock = client(patient)
  const query = { expirationHours: options.hours, disposition: options.download ? ('attachment' as const) : undefined }
  return each(ids, url, terminal, async (id) => {
    const asset = await airlock.assets.presign(id, query)
    terminal.out(options.json ? JSON.stringify(asset) : asset.presigned_url)
  })
}

interface DeleteOptions extends Named {
  readonly force?: boolean
  readonly yes?: boolean
}

export async function deleteAssets(ids: readonly string[], options: DeleteOptions, { terminal }: Context): Promise<number> {
  const { url, client } = connect(options, terminal)
  const airlock = client(patient)
  if (!options.yes && !(await isConfirmed(ids, airlock, terminal))) {
    terminal.err('Nothing was deleted.')
    return 1
  }
  return each(ids, url, terminal, async (id) => {
    await airlock.assets.delete(id, { force: options.force })
    terminal.out(
      options.json ? JSON.stringify({ asset_id: id, status: 'deleted' }) : `${terminal.paint('green', '✓', 'stdout')} ${id} is deleted`,
    )
  })
}

/** @throws Misuse if there is nobody to ask */
async function isConfirmed(ids: readonly string[], airlock: Airlock, terminal: Terminal): Promise<boolean> {
  if (!terminal.canAsk) throw new Misuse('Deleting needs --yes where nobody can be asked.')
  const name = async (id: string) => (await airlock.assets.presign(id)).original_filename
  const what = ids.length === 1 ? `'${printable((await name(ids[0] ?? '')) ?? ids[0] ?? '')}'` : count(ids.length, 'asset')
  return /^y(es)?$/i.test(await terminal.ask(`Delete ${what} for ever? (y/N) `))
}

/** Does something for each asset. One that fails is reported, and the others go on. @returns the exit code */
async function each(ids: readonly string[], url: string, terminal: Terminal, act: (id: string) => Promise<void>): Promise<number> {
  let failed = 0
  for (const id of ids) {
    try {
      await act(id)
    } catch (error) {
      failed++
      const { code, detail } = failureOf(error, url)
      terminal.err(`${terminal.paint('red', '✗')} ${printable(id)}  ${code}: ${detail}`)
    }
  }
  return failed > 0 ? 1 : 0
}
