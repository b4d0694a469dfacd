import type { UploadRepository } from '@airlock/database'
import type { SizeLimits } from '@airlock/domain'
import type { FileCounter } from '@airlock/lifecycle'
import type { JobQueue } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { BackgroundTasks } from '../background-tasks.ts'
import type { GatewayMetrics } from '../metrics.ts'
import type { BodyTimeoutLimits } from './body-timeouts.ts'
import type { FilesInFlight } from './files-in-flight.ts'

/** What taking in a form needs. */
export interface UploadDeps {
  uploads: UploadRepository
  store: ObjectStore
  jobQueue: Pick<JobQueue, 'enqueue'>
  counter: FileCounter
  backgroundTasks: BackgroundTasks
  sizeLimits: SizeLimits
  filesPerHour: number
  /** Bytes of failed uploads that are kept of one user until an operator decides. Absent: no bound. */
  parkedBytesPerUser?: number | undefined
  bodyTimeouts: BodyTimeoutLimits
  inFlight: FilesInFlight
  metrics: Pick<GatewayMetrics, 'files'>
}
