/** Title and alignment of a column. */
export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
}

/**
 * A text table with a line below the titles. Columns are as wide as their longest cell.
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

/** Width as in most terminals: combining characters take no space. */
const width = (text: string): number => [...text.replace(/\p{Mark}/gu, '')].length

function padded(text: string, columns: number, align: Column['align']): string {
  const room = ' '.repeat(Math.max(0, columns - width(text)))
  return align === 'left' ? text + room : room + text
}
