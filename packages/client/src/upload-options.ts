import type { AssetType } from './api.ts'

export interface Progress {
  /** `sending`: bytes are on their way; `processing`: Airlock has all of them and inspects them. */
  readonly stage: 'sending' | 'processing'
  readonly sentBytes: number
  readonly totalBytes: number
  /** Of the accepted upload, with the stage `processing`: `jobs.follow` shows what happens to it. */
  readonly jobId?: string | undefined
}

export interface UploadOptions {
  readonly assetType: AssetType
  /** Required for `generated_video`. */
  readonly projectId?: string | undefined
  /** Required for `lora_training`. */
  readonly brandId?: string | undefined
  /** At most 4 KiB of JSON, returned unchanged with the asset. */
  readonly metadata?: Readonly<Record<string, string | number | boolean>> | undefined
  /** The name of a Blob, which has none; or another name for a file. */
  readonly filename?: string | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Aborts the upload; if it was already accepted, it is cancelled. */
  readonly signal?: AbortSignal | undefined
  /** For forms, by default a random one for each call. With your own, an upload that is called again becomes one asset only, even after a restart. */
  readonly idempotencyKey?: string | undefined
  /** `form`: through the gateway; `direct`: straight to the bucket; `auto`, the default: `direct` for files of more than 16 MiB. */
  readonly door?: 'auto' | 'form' | 'direct' | undefined
}
