import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A row of docs/failure-model.md. */
export interface ModelRow {
  /** The cells: step, failure, what is left, repair, test. */
  readonly cells: readonly string[]
  /** The id of its test; empty when the cell can't be read. */
  readonly testId: string
}

export function rowsOfFailureModel(): ModelRow[] {
  return readFileSync(`${root}docs/failure-model.md`, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\| (step|---)/.test(line))
    .map((line) => {
      const cells = line.split(' | ').map((cell) => cell.replace(/^\||\|$/g, '').trim())
      return { cells, testId: /^`([\w-]+)`$/.exec(cells[4] ?? '')?.[1] ?? '' }
    })
}
