import { provenanceText, readProvenance } from '@airlock/domain'
import type { Failure } from './failure.ts'
import type { Terminal } from './terminal.ts'
import { cut, printable, widthOf, wrap } from './text.ts'

/** A file that became an asset, and what Airlock answered about its provenance. */
interface Success {
  readonly result: string
  readonly provenance?: unknown
}

/** The columns that the name of a file gets at least, if the rest of its line is long. */
const nameWidth = 24

/**
 * The lines of standard output about a file that has ended: its name with its result, or with the reason of its failure. On a terminal the result is shortened to the
 * width; in files and pipes it is whole. What a file states about its making is on a second line.
 */
export function verdictLines(terminal: Terminal, name: string, verdict: Success | Failure): string[] {
  const { columns, hasReader } = terminal
  const isGood = 'result' in verdict
  const mark = terminal.paint(isGood ? 'green' : 'red', isGood ? '✓' : '✗', 'stdout')
  const shown = printable(name)
  const stated = isGood ? statementOf(verdict) : null
  const second = stated === null ? [] : [`  ${hasReader ? cut(stated, columns - 3, 0) : stated}`]
  if (!hasReader) return [`${mark} ${shown}  ${isGood ? verdict.result : `${verdict.code}: ${printable(verdict.detail)}`}`, ...second]
  if (!isGood) {
    const code = terminal.paint('red', verdict.code, 'stdout')
    const detail = wrap(printable(verdict.detail), columns - 2).map((line) => `  ${line}`)
    return [`${mark} ${cut(shown, columns - 4 - widthOf(verdict.code))}  ${code}`, ...detail]
  }
  const short = cut(shown, Math.max(nameWidth, columns - 4 - widthOf(verdict.result)))
  const result = cut(verdict.result, columns - 4 - widthOf(short), 1 / 2)
  return [`${mark} ${short}  ${terminal.paint('dim', result, 'stdout')}`, ...second]
}

/** What the file states about its making; older versions of Airlock do not answer it. */
function statementOf({ provenance }: Success): string | null {
  const known = readProvenance(provenance)
  const text = known === null ? null : provenanceText(known)
  return text === null ? null : printable(text)
}
