import { hostname, userInfo } from 'node:os'
import type { OperatorNote } from '@airlock/database'
import { type CommandIo, UsageError } from './command.ts'

/** Options of every command that changes something. */
export const noteOptions = { reason: { type: 'string' }, by: { type: 'string' } } as const

/** Their lines in the help of a command. */
export const noteHelp = `  --reason <text>    why, for the log of operators
  --by <name>        who, for the log of operators; default: the user and host of this process`

/** Options of commands that may change many things. */
export const changeOptions = {
  ...noteOptions,
  yes: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const

/** Their lines in the help of a command. */
export const changeOptionsHelp = `${noteHelp}
  --dry-run          prints what would be changed, and changes nothing
  --yes              changes without asking for confirmation; required without a terminal
  --json             prints one JSON object`

export interface ChangeValues {
  readonly reason?: string | undefined
  readonly by?: string | undefined
}

/** Who makes the changes of this process, and why. */
export function operatorNote({ reason, by }: ChangeValues): OperatorNote {
  if (reason !== undefined && reason.trim() === '') throw new UsageError('--reason is empty')
  if (by !== undefined && by.trim() === '') throw new UsageError('--by is empty')
  return { operator: by ?? `${userName()}@${hostname()}`, reason: reason ?? null, requestId: null }
}

/** A container may run as a user id without a name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/**
 * Asks for confirmation on a terminal.
 *
 * @returns whether the change may be made
 * @throws UsageError without a terminal and without `yes`
 */
export async function confirmed(question: string, yes: boolean, { ask, err }: CommandIo): Promise<boolean> {
  if (yes) return true
  if (ask === undefined) throw new UsageError(`${question} Without a terminal, --yes is required.`)
  const answer = await ask(`${question} [y/N] `)
  if (/^y(es)?$/i.test(answer.trim())) return true
  err('Nothing was changed.')
  return false
}
