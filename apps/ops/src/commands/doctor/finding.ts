import { withTimeout } from '@airlock/async'
import { errorLine } from '@airlock/config'
import { invocation } from '../../command.ts'

/** `problem`: somebody must act. `unknown`: it could not be judged. `skipped`: it does not apply here, or was not asked for. */
type Result = 'ok' | 'problem' | 'unknown' | 'skipped'

/** What a check found, with what to do about a problem. */
export interface Finding {
  readonly check: string
  readonly result: Result
  readonly detail: string
  /** A sentence, usually with a command or a chapter of the docs; null when nothing is to be done. */
  readonly remedy: string | null
}

export type FindingOf = Omit<Finding, 'check'>

export const ok = (detail: string): FindingOf => ({ result: 'ok', detail, remedy: null })
export const problem = (detail: string, remedy: string): FindingOf => ({ result: 'problem', detail, remedy })
export const unknown = (detail: string, remedy: string): FindingOf => ({ result: 'unknown', detail, remedy })
export const skipped = (detail: string): FindingOf => ({ result: 'skipped', detail, remedy: null })

/** What was found, or that all is well. */
export const orOk = (found: readonly FindingOf[], detail: string): readonly FindingOf[] => (found.length === 0 ? [ok(detail)] : found)

/**
 * Runs a check. It never throws, and takes at most `timeoutMs`.
 *
 * @param needs servers that are unavailable: the check is not run, because a finding of its own names them
 */
export async function examine(
  check: string,
  { timeoutMs, without = [] }: { timeoutMs: number; without?: readonly string[] },
  work: () => Promise<readonly FindingOf[]> | readonly FindingOf[],
): Promise<Finding[]> {
  const found = await (without.length > 0
    ? [unknown(`${without.join(' and ')} unavailable`, 'First do what is said about the server.')]
    : attempt(work, timeoutMs))
  return found.map(({ remedy, ...finding }) => ({ check, ...finding, remedy: remedy?.replaceAll('npm run ops --', invocation) ?? null }))
}

async function attempt(work: () => Promise<readonly FindingOf[]> | readonly FindingOf[], timeoutMs: number): Promise<readonly FindingOf[]> {
  try {
    return await withTimeout(Promise.resolve().then(work), timeoutMs, () => new Error(`not completed in ${Math.round(timeoutMs / 1000)} s`))
  } catch (error) {
    return [unknown(errorLine(error), 'Run the command again; if it stays, look at the server that the message names.')]
  }
}
