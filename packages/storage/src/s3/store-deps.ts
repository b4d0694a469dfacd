import type { S3Client } from '@aws-sdk/client-s3'
import type { AdaptivePermits } from './adaptive-permits.ts'
import type { Call } from './calls.ts'
import type { PartBuffers } from './part-buffers.ts'
import type { Permits } from './permits.ts'
import type { S3StoreOptions, Tuning } from './settings.ts'

/** What the verbs share: one client, one set of limits a process. */
export interface StoreDeps {
  /** What `call` sends with. Only for libraries that want a client; everything else goes through `call`, which is bounded in time. */
  readonly client: S3Client
  readonly call: Call
  readonly options: S3StoreOptions
  readonly tuning: Tuning
  readonly buffers: PartBuffers
  /** For the parts of all receives together. */
  readonly partsInFlight: Permits
  /** For the parts of all server-side copies together. */
  readonly copyParts: AdaptivePermits
}
