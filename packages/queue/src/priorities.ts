/**
 * The priorities of waiting videos: the lowest number runs first, and among equals the oldest (BullMQ: 1 to 2 097 152).
 *
 * Every job of the lane has a priority, because BullMQ runs all jobs without one first. What people upload themselves is `interactive`, so it
 * shares a line with the pipeline's interactive videos, and neither can starve the other. Batch videos run when no interactive one waits.
 */
export const priorities = { interactive: 10, batch: 20 } as const

export type Priority = keyof typeof priorities

export const priorityNames = Object.keys(priorities) as Priority[]

/** The priority of a payload without one. */
export const defaultPriority: Priority = 'batch'
