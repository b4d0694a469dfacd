import type { Finding, StepContext } from './step.ts'

/** One thing that a step proves. Its name is a sentence about the product. */
export interface Check<Subject> {
  readonly what: string
  /**
   * @returns what was measured on the way, for the report; empty when there is nothing to tell
   * @throws when it is not so
   */
  prove(subject: Subject): Promise<string>
  /** Without it the rest makes no sense: should it fail, they are skipped. */
  readonly isPrerequisite?: true
}

/** Proves one thing after the other, and tells each as soon as it is known. */
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

/** @param why what this machine lacks, when that is the reason */
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

/** A finding as a line for the terminal, with its remark below it. */
export function lineOf({ what, verdict, ms, remark }: Finding): string {
  const line = `${marks[verdict]} ${what}${verdict === 'skipped' ? ' (skipped)' : `  ${(ms / 1000).toFixed(1)} s`}`
  return [line, ...remark.split('\n').filter((text) => text !== '')].join('\n    ')
}
