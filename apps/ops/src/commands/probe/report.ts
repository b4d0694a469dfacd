import type { Check, Finding } from './check.ts'

/** A check and its finding. */
export interface Line extends Finding {
  readonly capability: string
  readonly without: string | null
}

export const lineOf = ({ capability, without }: Check, { result, remark }: Finding): Line => ({ capability, without, result, remark })

/** Whether the store lacks this required capability. */
export const isFatal = ({ result, without }: Line): boolean => without === null && result === 'missing'

/** The table for a terminal, followed by the consequences of missing capabilities. */
export function asText(lines: readonly Line[]): string {
  const width = Math.max(...lines.map(({ capability }) => capability.length))
  const rows = lines.map(({ capability, result, remark }) => `${capability.padEnd(width)}  ${result.padEnd(7)}  ${remark}`.trimEnd())
  return [...rows, '', ...consequences(lines), verdict(lines)].join('\n')
}

/** The table in Markdown, for docs/object-stores.md. */
export function asMarkdown(lines: readonly Line[]): string {
  const rows = lines.map(({ capability, result, remark }) => `| ${capability} | ${result} | ${inCell(remark)} |`)
  return ['| capability | result | remark |', '| --- | --- | --- |', ...rows].join('\n')
}

const inCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('*', '\\*')

/** The table as JSON. */
export const asJson = (lines: readonly Line[]): string =>
  JSON.stringify({ usable: !lines.some(isFatal), capabilities: lines.map((line) => ({ ...line, needed: line.without === null })) }, null, 2)

function consequences(lines: readonly Line[]): string[] {
  const lacking = lines.filter(({ result, without }) => result === 'missing' && without !== null)
  if (lacking.length === 0) return []
  const byConsequence = Map.groupBy(lacking, ({ without }) => without)
  return [
    'Consequences of missing capabilities:',
    ...[...byConsequence].map(([without, of]) => `  ${of.map(({ capability }) => capability).join('; ')}:\n      ${without}`),
    '',
  ]
}

function verdict(lines: readonly Line[]): string {
  const fatal = lines.filter(isFatal)
  if (fatal.length === 0) return 'Airlock can run on this store.'
  return `Airlock can't run on this store: it needs ${fatal.map(({ capability }) => `'${capability}'`).join(', ')}.`
}
