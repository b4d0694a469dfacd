/** A piece of code that keeps something from going wrong, and the test that goes red without it. */
export interface Guard {
  /** What it keeps: a sentence about the product. */
  readonly keeps: string
  readonly file: string
  readonly edits: readonly Edit[]
  readonly test: GuardTest
}

/** What takes it away: a text that stands once in the file, and what stands there then. */
export type Edit = readonly [code: string, without: string]

export interface GuardTest {
  readonly file: string
  /** Its title as it stands in the source, with its placeholders. */
  readonly title: string
}

/** Table and code have gone apart. */
export class GuardStale extends Error {
  override name = 'GuardStale'
}

/**
 * The text of a file without its guard.
 *
 * @throws GuardStale  some code does not stand there once
 */
export function takenAway({ file, edits }: Pick<Guard, 'file' | 'edits'>, text: string): string {
  return edits.reduce((rest, [code, without]) => {
    const pieces = rest.split(code)
    if (pieces.length !== 2) throw new GuardStale(`'${code}' stands ${pieces.length - 1} times in ${file}, not once`)
    return pieces.join(without)
  }, text)
}

/** Matches the full names of all tests that a title stands for: with `$what`, `%s` and `${what}` filled in. */
export function patternOf(title: string): RegExp {
  const literals = title.split(/\$\{[^}]*\}|\$[\w.]+|%[sidfjo]/)
  return new RegExp(literals.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('.*'))
}
