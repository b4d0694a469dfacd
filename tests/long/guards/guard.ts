/** A piece of code without which an invariant is violated, and the test that then fails. */
export interface Guard {
  /** Stable: independent of the wording of code and test. */
  readonly id: string
  /** Its number in docs/design.md. */
  readonly invariant: number
  readonly file: string
  /** The edits that remove the guard. */
  readonly edits: readonly Edit[]
  /** The id of the test that fails without it, as in `meta: { id }`. */
  readonly test: string
}

/** Code that occurs once in the file, regardless of line breaks and indentation, and its replacement. */
type Edit = readonly [code: string, without: string]

/**
 * Returns the text of a file without its guard.
 *
 * @throws Error  some code does not occur exactly once: the table no longer matches it
 */
export function withoutGuard({ id, file, edits }: Pick<Guard, 'id' | 'file' | 'edits'>, text: string): string {
  return edits.reduce((rest, [code, without]) => {
    const found = [...rest.matchAll(patternOfCode(code))]
    if (found.length !== 1) throw new Error(`guard ${id}: '${code}' occurs ${found.length} times in ${file}, not once`)
    return rest.replace(patternOfCode(code), () => without)
  }, text)
}

/** Matches code however a formatter breaks its lines: white space between tokens and commas before a closing bracket do not count. */
function patternOfCode(code: string): RegExp {
  const tokens = code.match(/[\w$]+|[^\w$\s]/g) ?? []
  const escaped = tokens.map((token) => `${/^[)\]}]$/.test(token) ? ',?\\s*' : ''}${RegExp.escape(token)}`)
  return new RegExp(escaped.join('\\s*'), 'g')
}

/** Matches the full names of all tests that a title stands for: with `$what`, `%s` and `${what}` filled in. */
export function patternOfTitle(title: string): RegExp {
  return new RegExp(
    title
      .split(/\$\{[^}]*\}|\$[\w.]+|%[sidfjo]/)
      .map((text) => RegExp.escape(text))
      .join('.*'),
  )
}
