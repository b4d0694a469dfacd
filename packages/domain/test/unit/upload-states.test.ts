import { expect, test } from 'vitest'
import {
  isFinal,
  isPending,
  type JobStatus,
  jobStatuses,
  jobStatusOf,
  mayMove,
  moves,
  statesBefore,
  type UploadState,
  uploadStates,
} from '../../src/index.ts'

/** The arrows of the state diagram in docs/design.md. */
const arrows = [
  'receiving → received',
  'receiving → abandoned',
  'received → processing',
  'received → rejected',
  'processing → processing',
  'processing → completed',
  'processing → rejected',
  'processing → received',
  'processing → parked',
  'parked → received',
  'parked → rejected',
]

const pairs = uploadStates.flatMap((from) => uploadStates.map((to): [UploadState, UploadState] => [from, to]))

test.for(pairs)('an upload can move from %s to %s exactly if the state diagram has this arrow', ([from, to], { expect }) => {
  expect(mayMove(from, to)).toBe(arrows.includes(`${from} → ${to}`))
})

test.for(uploadStates)('statesBefore returns the states that can move to %s', (to, { expect }) => {
  expect(statesBefore(to)).toEqual(uploadStates.filter((from) => arrows.includes(`${from} → ${to}`)))
})

test('every move leads to a known state, and every state leads to a final one', () => {
  expect(
    Object.values(moves)
      .flat()
      .filter((to) => !uploadStates.includes(to)),
  ).toEqual([])
  const leadsToAnEnd = (state: UploadState, seen: UploadState[] = []): boolean =>
    isFinal(state) || moves[state].some((to) => !seen.includes(to) && leadsToAnEnd(to, [...seen, state]))
  expect(uploadStates.filter((state) => !leadsToAnEnd(state))).toEqual([])
})

test('completed, rejected and abandoned are final', () => {
  expect(uploadStates.filter(isFinal)).toEqual(['completed', 'rejected', 'abandoned'])
})

const shown: Record<UploadState, JobStatus | null> = {
  receiving: null,
  received: 'queued',
  processing: 'processing',
  completed: 'completed',
  rejected: 'rejected',
  parked: 'failed',
  abandoned: null,
}

test.for(uploadStates)('a client sees the documented status for %s', (state, { expect }) => {
  expect(jobStatusOf(state)).toBe(shown[state])
})

test('a client polls only while a job is queued or processing', () => {
  expect(jobStatuses.filter(isPending)).toEqual(['queued', 'processing'])
})
