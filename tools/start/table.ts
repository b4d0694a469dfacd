/** How a column is headed, and on which side its cells stand. */
export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
}

/**
 * Columns of text with a line below the titles, as wide as their longest cell.
 *
 * @param rows a cell for each column
 */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, index) => Math.max(width(title), ...rows.map((row) => width(row[index] ?? ''))))
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => padded(cells[index] ?? '', widths[index] ?? 0, align))
      .join('  ')
      .trimEnd()
  return [line(columns.map(({ title }) => title)), widths.map((columns) => '─'.repeat(columns)).join('  '), ...rows.map(line)].join('\n')
}

/** Characters as a terminal counts most of them: accents that stand apart take no room. */
const width = (text: string): number => [...text.replace(/\p{Mark}/gu, '')].length

function padded(text: string, columns: number, align: Column['align']): string {
  const room = ' '.repeat(Math.max(0, columns - width(text)))
  return align === 'left' ? text + room : room + text
}
