import type { UploadRepository } from '@airlock/database'
import type { SizeLimits } from '@airlock/domain'
import type { FileCounter } from '@airlock/lifecycle'
import type { Bell } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { Chores } from '../chores.ts'
import type { GatewayMetrics } from '../metrics.ts'
import type { FilesInFlight } from './files-in-flight.ts'
import type { PatienceLimits } from './patience.ts'

/** What taking in a form needs. */
export interface UploadDeps {
  uploads: UploadRepository
  store: ObjectStore
  bell: Pick<Bell, 'ring'>
  counter: FileCounter
  chores: Chores
  sizeLimits: SizeLimits
  filesPerHour: number
  /** Bytes of failed uploads that are kept of one user until an operator decides. Absent: no bound. */
  parkedBytesPerUser?: number | undefined
  patience: PatienceLimits
  inFlight: FilesInFlight
  metrics: Pick<GatewayMetrics, 'files'>
}
