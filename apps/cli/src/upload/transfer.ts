import type { AssetType, Progress, Provenance } from '@airlock/client'
import type { Failure } from '../failure.ts'
import type { FoundFile } from './find-files.ts'
import type { FinishedFile } from './journal.ts'

/** The rate is that of the last few seconds. */
const windowMs = 8000

/** Between two measurements. */
const sampleMs = 250

export type Stage = 'waiting' | 'sending' | 'inspecting' | 'completed' | 'accepted' | 'failed' | 'unsent'

/** A file on its way, as it is shown. */
export class Transfer {
  readonly file: FoundFile
  readonly assetType: AssetType
  stage: Stage = 'waiting'
  /** Also those that an earlier run has sent. */
  sentBytes = 0
  /** What an earlier run has sent. */
  resumedBytes = 0
  /** When the file changed its stage, or a byte was sent. */
  changedAt = 0
  jobId: string | undefined
  asset: FinishedFile | undefined
  provenance: Provenance | null | undefined
  /** Whether the file was an asset before this run. */
  wasFinished = false
  failure: Failure | undefined
  /** Whether a later attempt may succeed where this one has failed. */
  mayPass = false
  readonly #samples: [at: number, bytes: number][] = []

  constructor(file: FoundFile, assetType: AssetType) {
    this.file = file
    this.assetType = assetType
  }

  get isActive(): boolean {
    return this.stage === 'sending' || this.stage === 'inspecting'
  }

  begin(now: number): void {
    this.stage = 'sending'
    this.changedAt = now
  }

  /** @param isContinued whether an earlier run has sent a part of the file: the client reports that before it sends anything */
  progress({ stage, sentBytes, jobId }: Progress, now: number, isContinued = false): void {
    if (!this.isActive) return
    if (stage === 'processing') {
      this.stage = 'inspecting'
      this.jobId = jobId
      this.sentBytes = this.file.bytes
      this.changedAt = now
      return
    }
    if (isContinued && this.sentBytes === 0 && sentBytes > 0) {
      this.resumedBytes = sentBytes
      this.#samples.length = 0
    }
    if (sentBytes !== this.sentBytes) this.changedAt = now
    this.sentBytes = sentBytes
    const last = this.#samples.at(-1)
    if (last !== undefined && now - last[0] < sampleMs) return
    this.#samples.push([now, sentBytes])
    while ((this.#samples[1]?.[0] ?? now) < now - windowMs) this.#samples.shift()
  }

  /** In bytes per second; null before anything is known. */
  rate(now: number): number | null {
    const first = this.#samples[0]
    if (this.stage !== 'sending' || first === undefined || now - first[0] < 2 * sampleMs || this.sentBytes <= first[1]) return null
    return ((this.sentBytes - first[1]) / (now - first[0])) * 1000
  }
}
