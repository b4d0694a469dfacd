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

/** The states of docs/design.md, arrow by arrow. */
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

test.for(pairs)('an upload goes from %s to %s exactly when the drawing has that arrow', ([from, to], { expect }) => {
  expect(mayMove(from, to)).toBe(arrows.includes(`${from} → ${to}`))
})

test.for(uploadStates)('the states before %s are the ones that may move to it', (to, { expect }) => {
  expect(statesBefore(to)).toEqual(uploadStates.filter((from) => arrows.includes(`${from} → ${to}`)))
})

test('every move ends in a state of the table, and no upload can be stuck before its end', () => {
  expect(
    Object.values(moves)
      .flat()
      .filter((to) => !uploadStates.includes(to)),
  ).toEqual([])
  const leadsToAnEnd = (state: UploadState, seen: UploadState[] = []): boolean =>
    isFinal(state) || moves[state].some((to) => !seen.includes(to) && leadsToAnEnd(to, [...seen, state]))
  expect(uploadStates.filter((state) => !leadsToAnEnd(state))).toEqual([])
})

test('nothing moves any more in completed, rejected and abandoned', () => {
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

test.for(uploadStates)('a client reads %s as the status of the design', (state, { expect }) => {
  expect(jobStatusOf(state)).toBe(shown[state])
})

test('a client looks again while a job is queued or processing, and never after', () => {
  expect(jobStatuses.filter(isPending)).toEqual(['queued', 'processing'])
})
