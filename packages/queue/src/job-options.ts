import type { JobsOptions } from 'bullmq'
import { defaultPriority, type Priority, priorities, type QueueLane } from './names.ts'
import { generatedVideoJob } from './payloads/generated-video.ts'
import type { AirlockJob } from './payloads/parse-job.ts'

/** How long Redis keeps jobs that failed for good, for inspection; the status of an upload is in Postgres. */
const keptFailures = { age: 7 * 24 * 3600, count: 1000 }

/** How long a pipeline may fetch a result from Redis; later it asks the gateway. BullMQ removes old results when other jobs end. */
const keptResults = { age: 24 * 3600, count: 10_000 }

/** More attempts than any upload needs: the row's own attempts decide when it is parked. */
const maxJobAttempts = 100

/** The lanes whose jobs have priorities; in the others jobs run in the order of their arrival. */
const lanesWithPriorities: readonly QueueLane[] = ['videos']

/**
 * The options of a job, the same for every producer.
 *
 * The job id is the upload id in lower case, so that an existing job is not added twice. The worker computes the waits between attempts
 * (`custom`).
 *
 * @param wanted the priority in the upload's row, if any; absent: that of the payload, and `interactive` for what people upload
 */
export function jobOptions(lane: QueueLane, { name, payload }: AirlockJob, wanted?: Priority): JobsOptions {
  const priority = wanted ?? (name === generatedVideoJob ? (payload.priority ?? defaultPriority) : 'interactive')
  return {
    jobId: payload.upload_id.toLowerCase(),
    attempts: maxJobAttempts,
    backoff: { type: 'custom' },
    removeOnComplete: name === generatedVideoJob ? keptResults : true,
    removeOnFail: keptFailures,
    ...(lanesWithPriorities.includes(lane) ? { priority: priorities[priority] } : {}),
  }
}
