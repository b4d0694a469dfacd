import type { Airlock, UploadOptions } from '@airlock/client'
import { AirlockError } from '@airlock/client'
import { concernsAll, failureOf, mayPass } from '../failure.ts'
import { Journal } from './journal.ts'
import type { Transfer } from './transfer.ts'

export interface RunDeps {
  readonly airlock: Airlock
  readonly url: string
  readonly journal: Journal
  readonly fields: Pick<UploadOptions, 'projectId' | 'brandId' | 'metadata'>
  /** Files that are sent at the same time, and whose inspection is awaited. */
  readonly concurrency: number
  /** False: a file has ended when Airlock has accepted it. */
  readonly wait: boolean
  /** A transfer has ended, in whichever way. */
  readonly onEnd: (transfer: Transfer) => void
}

/** Files whose inspection may go on unobserved, with `wait: false`. Each is open until then. */
const mostUnobserved = 100

/**
 * Uploads files, some at a time. A file that fails does not concern the others, unless the reason does: then the remaining ones are not sent.
 *
 * Nothing is aborted here, because the client cancels what is aborted. A run that is interrupted leaves everything to the next one, by its journal.
 */
export async function uploadAll(transfers: readonly Transfer[], deps: RunDeps): Promise<void> {
  const waiting = [...transfers]
  const unobserved = new Set<Promise<unknown>>()
  let isHalted = false
  const work = async () => {
    for (let transfer = waiting.shift(); transfer !== undefined; transfer = waiting.shift()) {
      if (isHalted) transfer.stage = 'unsent'
      else await uploadOne(transfer, deps, unobserved).catch((error) => (isHalted ||= concernsAll(error)))
      deps.onEnd(transfer)
      if (unobserved.size >= mostUnobserved) await Promise.race(unobserved)
    }
  }
  await Promise.all(Array.from({ length: deps.concurrency }, work))
}

/** Uploads one file, or finds that an earlier run has done so. @throws the error that the transfer has then as its failure */
async function uploadOne(transfer: Transfer, deps: RunDeps, unobserved: Set<Promise<unknown>>): Promise<void> {
  const { airlock, url, journal, fields, wait } = deps
  const { file, assetType } = transfer
  const id = Journal.idOf(file, assetType)
  try {
    if (await wasFinished(transfer, id, deps)) return
    const { isContinued, key: idempotencyKey } = journal.begin(id)
    transfer.begin(performance.now())
    let accept = (_: null) => {}
    const accepted = new Promise<null>((resolve) => (accept = resolve))
    const uploading = airlock.upload(file.path, {
      ...fields,
      assetType,
      idempotencyKey,
      onProgress: (progress) => {
        transfer.progress(progress, performance.now(), isContinued)
        if (!wait && progress.stage === 'processing') accept(null)
      },
    })
    const asset = await Promise.race([uploading, accepted])
    if (asset === null) {
      transfer.stage = 'accepted'
      const observed: Promise<unknown> = uploading.catch(() => {}).then(() => unobserved.delete(observed))
      unobserved.add(observed)
      return
    }
    transfer.asset = { assetId: asset.asset_id, key: keyOf(asset.s3_url) }
    transfer.provenance = asset.provenance
    transfer.stage = 'completed'
    journal.finish(id, transfer.asset)
  } catch (error) {
    transfer.stage = 'failed'
    transfer.failure = failureOf(error, url)
    transfer.mayPass = mayPass(error)
    if (error instanceof AirlockError) transfer.jobId ??= error.jobId
    if (!transfer.mayPass) journal.forget(id)
    throw error
  }
}

/** Whether an earlier run has made the file an asset, which still exists. */
async function wasFinished(transfer: Transfer, id: string, { airlock, journal }: RunDeps): Promise<boolean> {
  const finished = journal.finishedOf(id)
  if (finished === null) return false
  try {
    transfer.provenance = (await airlock.assets.presign(finished.assetId)).provenance
  } catch (error) {
    if (!(error instanceof AirlockError) || error.code !== 'asset_not_found') throw error
    journal.forget(id)
    return false
  }
  transfer.asset = finished
  transfer.wasFinished = true
  transfer.stage = 'completed'
  return true
}

/** `brand-images/…/logo.png` of `s3://bucket/brand-images/…/logo.png`. */
const keyOf = (s3Url: string): string => s3Url.replace(/^s3:\/\/[^/]*\//, '')
