export { blockingConnection, commandTimeoutMs, failFastConnection } from './connection.ts'
export { type FailedJob, JobBoard, type JobBoardOptions, type JobCounts, type RedisState } from './job-board.ts'
export { jobOptions } from './job-options.ts'
export { type JobFailure, JobQueue, type JobQueueOptions, JobQueueUnreachable, type RefusedProgress } from './job-queue.ts'
export {
  defaultPriority,
  inboxKey,
  inboxPrefix,
  type Priority,
  priorities,
  type QueueLane,
  queueLanes,
  queueNames,
  queuePrefix,
} from './names.ts'
export { GeneratedVideo, generatedVideoJob, parseGeneratedVideo } from './payloads/generated-video.ts'
export {
  JobResult,
  type JobResultError,
  type JobResultStatus,
  jobResult,
  jobResultStatuses,
  parseJobResult,
  type UploadEnd,
} from './payloads/job-result.ts'
export { type AirlockJob, parseJob } from './payloads/parse-job.ts'
export { ProcessUpload, parseProcessUpload, processUploadJob } from './payloads/process-upload.ts'
export { PayloadMalformed } from './payloads/read-payload.ts'
export {
  AirlockProducer,
  type AirlockProducerOptions,
  type HandedOver,
  type HandedOverState,
  type VideoToHandOver,
  type WaitOptions,
} from './producer.ts'
export { JobFailed, JobGone, ProducerClosed, QueueUnreachable, ResultUnknown, WaitTimedOut } from './producer-errors.ts'
export { schemaFiles } from './schemas.ts'
