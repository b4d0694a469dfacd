import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** A row of docs/failure-model.md. */
export interface ModelRow {
  /** Of the section in which it stands. */
  readonly heading: string
  /** step, what happens, what is left, who mends it, test */
  readonly cells: readonly string[]
  /** The file and the title of its test; empty when the cell can't be read. */
  readonly test: { readonly file: string; readonly title: string }
}

export function rowsOfFailureModel(): ModelRow[] {
  const page = readFileSync(`${root}docs/failure-model.md`, 'utf8')
  // short names of test files, as the page itself introduces them
  const files = new Map(
    [...page.matchAll(/\*(\w+)\*(?: is)?\s+\[[\w-]+\]\(\.\.\/([^)]+)\)/g)].map(([, name = '', path = '']) => [name, path]),
  )
  return page.split(/^## /m).flatMap((section) => {
    const [heading = '', ...lines] = section.split('\n')
    return lines
      .filter((line) => line.startsWith('|') && !/^\| (step|---)/.test(line))
      .map((line) => {
        const cells = line.split(' | ').map((cell) => cell.replace(/^\||\|$/g, '').trim())
        const { name = '', title = '' } = /^(?<name>[\w./-]+): `(?<title>.+)`$/.exec(cells[4] ?? '')?.groups ?? {}
        return { heading, cells, test: { file: files.get(name) ?? name, title } }
      })
  })
}

/** Whether a source has a test of this title, which may stand for many. */
export const hasTest = (source: string, title: string): boolean =>
  ["'", '`', '"'].some((quote) => source.includes(quote + title + quote) || source.includes(`${quote}\${sample.filename}${title}${quote}`))
