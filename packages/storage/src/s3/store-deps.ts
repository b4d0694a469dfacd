import type { Semaphore } from '@airlock/async'
import type { S3Client } from '@aws-sdk/client-s3'
import type { AdaptivePermits } from './adaptive-permits.ts'
import type { Call } from './calls.ts'
import type { CopyAnswers } from './copy-answers.ts'
import type { PartBuffers } from './part-buffers.ts'
import type { PutBytes } from './put-bytes.ts'
import type { S3StoreOptions, Tuning } from './settings.ts'

/** The state that the verbs share: one client and one set of limits per process. */
export interface StoreDeps {
  /** The client of `call`. Only for libraries that need a client; everything else uses `call`, which is bounded in time. */
  readonly client: S3Client
  readonly call: Call
  /** Puts bytes in less CPU time than `call`. */
  readonly put: PutBytes
  readonly options: S3StoreOptions
  readonly tuning: Tuning
  readonly buffers: PartBuffers
  /** For the parts of all receives together. */
  readonly partsInFlight: Semaphore
  /** For the parts of all server-side copies together. */
  readonly copyParts: AdaptivePermits
  readonly copyAnswers: CopyAnswers
}
