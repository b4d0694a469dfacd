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
