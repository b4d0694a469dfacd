import { AirlockError, type Refusal, refusal } from '@airlock/domain'
import type { ReceivedFile } from '@airlock/lifecycle'
import { maxFiles } from './form.ts'
import { type RefusedFile, refusedFile } from './refused-file.ts'
import type { ArrivedFile } from './take-file.ts'

/** Where Airlock stopped reading a form. */
export interface Stop {
  /** The name of the refused file that exceeded the drain limit. */
  readonly stoppedAt: string
  /** How many files of the form were read, including that one. */
  readonly filesRead: number
  /** Names of files after it whose headers had already arrived. */
  readonly namesBehind: readonly string[]
}

/** The refusal of a file that had arrived before: no file is accepted of a form that was not read to its end. */
export const notTaken = ({ filename }: ReceivedFile, { stoppedAt }: Stop): Refusal => refusal('not_read', { filename, stoppedAt })

/**
 * Reports unread files. After the last known one there may be others or none, which one entry with `filename: null` represents, unless the
 * form already has the maximum number of files.
 */
export function filesNotRead(arrived: readonly ArrivedFile[], stop: Stop): RefusedFile[] {
  const { stoppedAt, filesRead, namesBehind } = stop
  const unread = [...namesBehind, null].slice(0, maxFiles - filesRead)
  return [
    ...arrived.map(({ index, file }) => refusedFile(index, file.filename, AirlockError.of(notTaken(file, stop)))),
    ...unread.map((filename, i) => refusedFile(filesRead + i, filename, new AirlockError('not_read', { filename, stoppedAt }))),
  ]
}
