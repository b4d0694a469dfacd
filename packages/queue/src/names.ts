/** One queue for each lane, so that workers for pictures and for videos scale separately. */
export const queueNames = {
  images: 'airlock-images',
  videos: 'airlock-videos',
  training: 'airlock-training',
} as const

export type QueueLane = keyof typeof queueNames

export const queueLanes = Object.keys(queueNames) as QueueLane[]

/** The key prefix of all queues, in braces so that Redis Cluster keeps a queue's keys in one slot. */
export const queuePrefix = '{airlock}'

/** The prefix in Airlock's bucket under which the video pipeline stores its files. */
export const inboxPrefix = 'pipeline-inbox/'

/** The key of a video in the inbox. Airlock accepts its ids in lower case only. */
export const inboxKey = ({ projectId, uploadId }: { projectId: string; uploadId: string }): string =>
  `${inboxPrefix}${projectId.toLowerCase()}/${uploadId.toLowerCase()}.mp4`

/**
 * The priorities of waiting videos: the lowest number runs first, and among equals the oldest (BullMQ: 1 to 2 097 152).
 *
 * Every job of the lane has a priority, because BullMQ runs all jobs without one first. What people upload themselves is `interactive`, so it
 * has the same priority as the pipeline's interactive videos, and neither can starve the other. Batch videos run when no interactive one waits.
 */
export const priorities = { interactive: 10, batch: 20 } as const

export type Priority = keyof typeof priorities

export const priorityNames = Object.keys(priorities) as Priority[]

/** The priority of a payload without one. */
export const defaultPriority: Priority = 'batch'
