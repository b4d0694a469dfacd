import type { UploadRepository } from '@airlock/database'
import type { SizeLimits } from '@airlock/domain'
import type { FileCounter } from '@airlock/lifecycle'
import type { JobQueue } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { BackgroundTasks } from '../background-tasks.ts'
import type { GatewayMetrics } from '../metrics.ts'
import type { BodyTimeoutLimits } from './body-timeouts.ts'
import type { FilesInFlight } from './files-in-flight.ts'

/** Dependencies of receiving a form. */
export interface UploadDeps {
  uploads: UploadRepository
  store: ObjectStore
  jobQueue: Pick<JobQueue, 'enqueue'>
  counter: FileCounter
  backgroundTasks: BackgroundTasks
  sizeLimits: SizeLimits
  filesPerHour: number
  /** Maximum bytes of parked uploads per user. Absent: unlimited. */
  parkedBytesPerUser?: number | undefined
  bodyTimeouts: BodyTimeoutLimits
  inFlight: FilesInFlight
  metrics: Pick<GatewayMetrics, 'files'>
}
