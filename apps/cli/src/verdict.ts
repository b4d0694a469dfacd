import type { Failure } from './failure.ts'
import type { Terminal } from './terminal.ts'
import { cut, printable, widthOf, wrap } from './text.ts'

/** The columns that the name of a file gets at least, if the rest of its line is long. */
const nameWidth = 24

/**
 * The lines of standard output about a file that has ended: its name with its result, or with the reason of its failure. On a terminal the result is shortened to the
 * width; in files and pipes it is whole.
 */
export function verdictLines(terminal: Terminal, name: string, verdict: { readonly result: string } | Failure): string[] {
  const { columns, hasReader } = terminal
  const isGood = 'result' in verdict
  const mark = terminal.paint(isGood ? 'green' : 'red', isGood ? '✓' : '✗', 'stdout')
  const shown = printable(name)
  if (!hasReader) return [`${mark} ${shown}  ${isGood ? verdict.result : `${verdict.code}: ${printable(verdict.detail)}`}`]
  if (!isGood) {
    const code = terminal.paint('red', verdict.code, 'stdout')
    const detail = wrap(printable(verdict.detail), columns - 2).map((line) => `  ${line}`)
    return [`${mark} ${cut(shown, columns - 4 - widthOf(verdict.code))}  ${code}`, ...detail]
  }
  const short = cut(shown, Math.max(nameWidth, columns - 4 - widthOf(verdict.result)))
  const result = cut(verdict.result, columns - 4 - widthOf(short), 1 / 2)
  return [`${mark} ${short}  ${terminal.paint('dim', result, 'stdout')}`]
}
