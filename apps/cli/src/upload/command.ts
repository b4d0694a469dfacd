import { join } from 'node:path'
import type { AssetType } from '@airlock/client'
import type { Context } from '../context.ts'
import { failureOf, Misuse } from '../failure.ts'
import { connect, type Server, type ServerOptions, stateFolder } from '../server.ts'
import type { Terminal } from '../terminal.ts'
import { bytesText, count } from '../text.ts'
import { type Found, findFiles, TooManyFiles } from './find-files.ts'
import { Journal } from './journal.ts'
import { assumed, extensionsOf, kindOf, missingIds } from './kinds.ts'
import { Report, skippedText, summary } from './report.ts'
import { uploadAll } from './run.ts'
import { Transfer } from './transfer.ts'

export interface UploadCommandOptions extends ServerOptions {
  readonly assetType?: AssetType
  readonly project?: string
  readonly brand?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly concurrency: number
  readonly wait: boolean
  readonly fresh?: boolean
  readonly json?: boolean
}

/** How long the first request may fail: a person who has mistyped the address should not wait for minutes. */
const firstContactMs = 2000

/** Uploads files, folders and what matches patterns. @returns the exit code */
export async function upload(paths: readonly string[], options: UploadCommandOptions, { terminal, stop }: Context): Promise<number> {
  const { wait, json = false, concurrency, metadata } = options
  const found = await search(paths, options.assetType)
  const transfers = found.files.map((file) => new Transfer(file, options.assetType ?? kindOf(file.path) ?? 'brand_image'))
  const missing = missingIds(
    transfers.map(({ file: { path }, assetType }) => ({ path, assetType })),
    options,
  )
  if (missing.length > 0) throw new Misuse(missing.join('\n'))
  const report = new Report(terminal, transfers, json)
  for (const problem of found.problems) report.problem(problem)
  if (found.skipped.length > 0) terminal.err(skippedText(found.skipped))
  if (transfers.length === 0) return nothing(found, terminal)

  const server = connect(options, terminal)
  await check(server)
  const fields = { projectId: options.project, brandId: options.brand, metadata }
  const journal = journalOf(server, fields, options, terminal)
  if (!json) {
    announce(transfers, options, server, terminal)
    tellWhatContinues(transfers, journal, terminal)
  }
  report.begin()
  const uploading = uploadAll(transfers, {
    airlock: server.client({ resumeFile: journal.resumeFile }),
    ...{ url: server.url, journal, fields, concurrency, wait },
    onEnd: (transfer) => report.ended(transfer),
  })
  const isStopped = await Promise.race([uploading.then(() => false), stop.then(() => true)])
  report.end()
  const isGood = found.problems.length === 0 && transfers.every(({ stage }) => stage === 'completed' || stage === 'accepted')
  journal.close(isGood)
  terminal.err(`${isStopped ? 'Stopped. ' : ''}${summary(transfers, found.problems.length, wait)}`)
  if (transfers.some(({ stage, mayPass }) => mayPass || !['completed', 'accepted', 'failed'].includes(stage)))
    terminal.err('The same command continues where this one ended.')
  return isGood ? 0 : 1
}

/** @throws Misuse for too many files */
async function search(paths: readonly string[], assetType: AssetType | undefined): Promise<Found> {
  try {
    const { files, skipped, problems } = await findFiles(paths, { extensions: extensionsOf(assetType) })
    if (assetType !== undefined) return { files, skipped, problems }
    const unknown = files.filter(({ path }) => kindOf(path) === null)
    const taken = extensionsOf().join(', ')
    const detail = (path: string) => `'${path}' has none of the extensions ${taken}. With --asset-type it is sent nevertheless.`
    return {
      files: files.filter((file) => !unknown.includes(file)),
      skipped,
      problems: [...problems, ...unknown.map(({ path }) => ({ path, code: 'extension_not_allowed' as const, detail: detail(path) }))],
    }
  } catch (error) {
    throw error instanceof TooManyFiles ? new Misuse(error.message) : error
  }
}

function nothing({ problems, skipped }: Found, terminal: Terminal): number {
  terminal.err(problems.length + skipped.length > 1 ? 'Nothing was uploaded.' : 'No file was uploaded.')
  return 1
}

/** Finds out at once whether the server responds and accepts the token. */
async function check({ client, url }: Server): Promise<void> {
  try {
    await client({ retry: { forMs: firstContactMs } }).jobs.list({ limit: 1 })
  } catch (error) {
    const { detail, code } = failureOf(error, url)
    throw new Error(
      code === 'network_error' ? `${detail} Is this the right address? It is set by --url, AIRLOCK_URL or 'airlock login'.` : detail,
    )
  }
}

/** The journal of this run. Where it can't be stored, an interrupted run can't be continued, but everything else works. */
function journalOf({ url, user }: Server, fields: object, { fresh = false }: UploadCommandOptions, terminal: Terminal): Journal {
  const identity = [url, user, fields]
  const folder = join(stateFolder(terminal.env), 'uploads')
  try {
    return Journal.open(folder, identity, { fresh })
  } catch (error) {
    terminal.err(`${terminal.paint('yellow', 'Warning:')} if this is interrupted, it can't be continued: ${(error as Error).message}`)
    return Journal.temporary(identity)
  }
}

function announce(transfers: readonly Transfer[], { assetType }: UploadCommandOptions, { url }: Server, terminal: Terminal): void {
  const bytes = transfers.reduce((sum, { file }) => sum + file.bytes, 0)
  const what =
    assetType === undefined ? `${assumed(transfers.map((transfer) => transfer.assetType))}, by extension` : count(transfers.length, 'file')
  terminal.err(`Uploading ${what}, ${bytesText(bytes)}, to ${url}`)
}

function tellWhatContinues(transfers: readonly Transfer[], journal: Journal, terminal: Terminal): void {
  const ids = transfers.map(({ file, assetType }) => Journal.idOf(file, assetType))
  const finished = ids.filter((id) => journal.finishedOf(id) !== null).length
  const begun = ids.filter((id) => journal.wasBegun(id)).length
  if (finished + begun === 0) return
  const what = [...(finished > 0 ? [`finished ${count(finished, 'file')}`] : []), ...(begun > 0 ? [`began ${count(begun, 'file')}`] : [])]
  terminal.err(`Continuing an earlier run, which ${what.join(' and ')}. (--fresh begins anew)`)
}
