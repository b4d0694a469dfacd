import type { Finding, StepContext } from './step.ts'

/** A check of a step. Its name is a sentence about the product. */
export interface Check<Subject> {
  readonly what: string
  /**
   * @returns measurements for the report; may be empty
   * @throws if the check fails
   */
  prove(subject: Subject): Promise<string>
  /** Whether the remaining checks are skipped if it fails. */
  readonly isPrerequisite?: true
}

/** Runs checks in sequence, and prints each result at once. */
export async function proveAll<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
  { stop, say }: Pick<StepContext, 'stop' | 'say'>,
): Promise<Finding[]> {
  const findings: Finding[] = []
  let prerequisite = true
  for (const check of checks) {
    const finding = prerequisite && !stop.aborted ? await prove(check, subject, stop) : skipped(check.what)
    if (check.isPrerequisite && finding.verdict === 'failed') prerequisite = false
    say(lineOf(finding))
    findings.push(finding)
  }
  return findings
}

/** @param why what this machine lacks, if that is the reason */
export const skipped = (what: string, why = ''): Finding => ({ what, verdict: 'skipped', ms: 0, remark: why })

async function prove<Subject>({ what, prove }: Check<Subject>, subject: Subject, stop: AbortSignal): Promise<Finding> {
  const begun = performance.now()
  const ms = () => Math.round(performance.now() - begun)
  try {
    const remark = await prove(subject)
    return { what, verdict: 'ok', ms: ms(), remark }
  } catch (error) {
    if (stop.aborted) return skipped(what, 'interrupted')
    return { what, verdict: 'failed', ms: ms(), remark: withCauses(error) }
  }
}

function withCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}, because: ${withCauses(error.cause)}`
}

const marks = { ok: '✓', failed: '✗', skipped: '–' } as const

/** A finding as a line for the terminal, followed by its remark. */
export function lineOf({ what, verdict, ms, remark }: Finding): string {
  const line = `${marks[verdict]} ${what}${verdict === 'skipped' ? ' (skipped)' : `  ${(ms / 1000).toFixed(1)} s`}`
  return [line, ...remark.split('\n').filter((text) => text !== '')].join('\n    ')
}
