/** The legal moves of an upload. No other move happens: each move in the database names the state it starts from. */
export const moves = {
  receiving: ['received', 'abandoned'],
  received: ['processing', 'rejected'],
  processing: ['processing', 'completed', 'rejected', 'received', 'parked'],
  parked: ['received', 'rejected'],
  completed: [],
  rejected: [],
  abandoned: [],
} as const satisfies Record<string, readonly string[]>

export type UploadState = keyof typeof moves

export const uploadStates = Object.keys(moves) as UploadState[]

/** Whether an upload may move from one state to another. `processing → processing` is a new claim after the lease has expired. */
export const mayMove = (from: UploadState, to: UploadState): boolean => (moves[from] as readonly UploadState[]).includes(to)

/** The states from which `to` can be reached, for a compare-and-set. */
export const statesBefore = (to: UploadState): UploadState[] => uploadStates.filter((from) => mayMove(from, to))

/** Whether the state allows no further move. */
export const isFinal = (state: UploadState): boolean => moves[state].length === 0

/** The values of a job's `status` for clients. An upload that was never accepted has none. */
export const jobStatuses = ['queued', 'processing', 'completed', 'rejected', 'failed'] as const
export type JobStatus = (typeof jobStatuses)[number]

const statusOf = {
  receiving: null,
  received: 'queued',
  processing: 'processing',
  completed: 'completed',
  rejected: 'rejected',
  parked: 'failed',
  abandoned: null,
} as const satisfies Record<UploadState, JobStatus | null>

export const jobStatusOf = (state: UploadState): JobStatus | null => statusOf[state]

/** Whether a client should poll again. */
export const isPending = (status: JobStatus): boolean => status === 'queued' || status === 'processing'
