/** Width that every table fits. */
const maxWidth = 100

/** Replaces characters that move the cursor, break a line or reverse the text after them: texts may come from users. */
export const printable = (text: string): string =>
  text.toWellFormed().replace(/[\p{Cc}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/gu, '\u{fffd}')

/** Characters that a terminal draws two columns wide: East Asian letters, fullwidth forms and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/** The columns that a terminal needs for a text without control characters. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += /[\p{Mn}\p{Me}\p{Cf}]/u.test(character) ? 0 : wide.test(character) ? 2 : 1
  return width
}

/** Makes a text printable, and pads or shortens it to a width. */
export function fit(text: string, width: number): string {
  const clean = printable(text)
  const whole = widthOf(clean)
  if (whole <= width) return clean + ' '.repeat(width - whole)
  let kept = ''
  let used = 0
  for (const character of clean) {
    const next = widthOf(character)
    if (used + next > width - 1) break
    kept += character
    used += next
  }
  return `${kept}…${' '.repeat(width - 1 - used)}`
}

export interface Column<T> {
  readonly title: string
  readonly width: number
  of(row: T): string
}

/** A table that is printed row by row, so that it may be long. The columns have fixed widths, with two spaces between them. */
export class Table<T> {
  readonly #columns: readonly Column<T>[]

  constructor(columns: readonly Column<T>[]) {
    const width = columns.reduce((sum, column) => sum + column.width + 2, -2)
    if (width > maxWidth) throw new Error(`the table is ${width} columns wide`)
    this.#columns = columns
  }

  get header(): string {
    return this.#columns
      .map(({ title, width }) => fit(title, width))
      .join('  ')
      .trimEnd()
  }

  row(row: T): string {
    return this.#columns
      .map(({ of, width }) => fit(of(row), width))
      .join('  ')
      .trimEnd()
  }
}

/** A duration in at most four characters: 45s, 12m, 5h, 30d. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 100) return `${seconds}s`
  if (seconds < 6000) return `${Math.floor(seconds / 60)}m`
  if (seconds < 360_000) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}
