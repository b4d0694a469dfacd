import { AirlockError, type Refusal, refusal } from '@airlock/domain'
import type { ReceivedFile } from '@airlock/lifecycle'
import { maxFiles } from './form.ts'
import { type RefusedFile, refusedFile } from './refused-file.ts'
import type { ArrivedFile } from './take-file.ts'

/** Where the reading of a form stopped. */
export interface Stop {
  /** The name of the refused file that went on and on. */
  readonly stoppedAt: string
  /** How many files of the form had their turn, that one among them. */
  readonly filesRead: number
  /** Of files behind it whose headers were at hand. */
  readonly namesBehind: readonly string[]
}

/** Why a file that had arrived before was not taken in: nothing is accepted of a form that was not read to its end. */
export const notTaken = ({ filename }: ReceivedFile, { stoppedAt }: Stop): Refusal => refusal('not_read', { filename, stoppedAt })

/**
 * The files of a form that could not have their turn. Behind the last one that we know of there may be others, or none: an entry without a
 * name says so, unless the form is full.
 */
export function filesNotRead(arrived: readonly ArrivedFile[], stop: Stop): RefusedFile[] {
  const { stoppedAt, filesRead, namesBehind } = stop
  const behind = [...namesBehind, null].slice(0, maxFiles - filesRead)
  return [
    ...arrived.map(({ index, file }) => refusedFile(index, file.filename, AirlockError.of(notTaken(file, stop)))),
    ...behind.map((filename, i) => refusedFile(filesRead + i, filename, new AirlockError('not_read', { filename, stoppedAt }))),
  ]
}
