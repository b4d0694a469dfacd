import { printable, widthOf } from '../../table.ts'
import type { Finding } from './finding.ts'

/** `unclear`: no problem was found, but something could not be judged. */
type Summary = 'well' | 'problems' | 'unclear'

export function summaryOf(findings: readonly Finding[]): Summary {
  if (findings.some(({ result }) => result === 'problem')) return 'problems'
  return findings.some(({ result }) => result === 'unknown') ? 'unclear' : 'well'
}

const maxWidth = 100
const indent = ' '.repeat(23)

/** A line for each finding, with its remedy below it, within 100 columns. */
export function asText(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ result, check, detail, remedy }) => [
    ...wrapped(`${(result === 'problem' ? 'PROBLEM' : result).padEnd(9)}${check.padEnd(14)}`, detail),
    ...(remedy === null ? [] : wrapped(`${indent}→ `, remedy)),
  ])
  const count = (wanted: Finding['result']) => findings.filter(({ result }) => result === wanted).length
  const [problems, unclear] = [count('problem'), count('unknown')]
  const totals = `${problems === 1 ? '1 problem' : `${problems} problems`}, ${unclear} that could not be judged, ${count('ok')} well`
  return [...lines, '', totals].join('\n')
}

/** Breaks a text at spaces, and words that are longer than a line. The lines after the first begin below its own beginning. */
function wrapped(begin: string, text: string): string[] {
  const longest = maxWidth - begin.length
  const words = printable(text)
    .split(' ')
    .flatMap((word) => word.match(new RegExp(`.{1,${longest}}`, 'gu')) ?? [])
  const lines: string[] = []
  let line = begin
  for (const [i, word] of words.entries()) {
    const isFirst = i === 0
    if (!isFirst && widthOf(line) + 1 + widthOf(word) > maxWidth) {
      lines.push(line)
      line = `${' '.repeat(begin.length)}${word}`
    } else line += isFirst ? word : ` ${word}`
  }
  return [...lines, line]
}

export const forPrograms = (findings: readonly Finding[]) => ({ summary: summaryOf(findings), findings })
