/**
 * Which of two waiting videos goes first: the one with the lower number, and of equals the one that came first (BullMQ: 1 to 2 097 152).
 *
 * Every job of the lane has a priority: BullMQ takes jobs without one before all others, for as long as there are any. What people upload
 * themselves is `interactive`, so it waits in one line with the pipeline's interactive videos and neither kind can starve the other.
 * Batch videos run when nobody is waiting.
 */
export const priorities = { interactive: 10, batch: 20 } as const

export type Priority = keyof typeof priorities

export const priorityNames = Object.keys(priorities) as Priority[]

/** What a payload means that names no priority. */
export const defaultPriority: Priority = 'batch'
