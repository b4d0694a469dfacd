import type { JobsOptions } from 'bullmq'
import type { QueueLane } from './names.ts'
import { generatedVideoJob } from './payloads/generated-video.ts'
import type { AirlockJob } from './payloads/parse-job.ts'
import { defaultPriority, type Priority, priorities } from './priorities.ts'

/** What is left in Redis of jobs that failed for good, for a look; status belongs to Postgres. */
const keptFailures = { age: 7 * 24 * 3600, count: 1000 }

/** How long a pipeline may take to fetch a result from Redis; later the gateway tells it. BullMQ clears up when other jobs end. */
const keptResults = { age: 24 * 3600, count: 10_000 }

/** More tries than any upload needs: the row's own attempts decide when it is parked. */
const triesOfTheBell = 100

/** The lanes in which jobs overtake each other; in the others all wait in one line. */
const lanesWithPriorities: readonly QueueLane[] = ['videos']

/**
 * The options of a job, the same whoever adds it.
 *
 * The job id is the upload id in lower case, so that a job that is there already is not added twice. Waits between tries are the worker's
 * to compute (`custom`).
 *
 * @param wanted the upload's own priority, where its row knows one; absent: as the payload says, and what people upload is interactive
 */
export function jobOptions(lane: QueueLane, { name, payload }: AirlockJob, wanted?: Priority): JobsOptions {
  const priority = wanted ?? (name === generatedVideoJob ? (payload.priority ?? defaultPriority) : 'interactive')
  return {
    jobId: payload.upload_id.toLowerCase(),
    attempts: triesOfTheBell,
    backoff: { type: 'custom' },
    removeOnComplete: name === generatedVideoJob ? keptResults : true,
    removeOnFail: keptFailures,
    ...(lanesWithPriorities.includes(lane) ? { priority: priorities[priority] } : {}),
  }
}
