import { readFile, writeFile } from 'node:fs/promises'
import { configurationTable, envExample } from '@airlock/config'
import type { Command } from '../command.ts'
import { errorTable } from './error-table.ts'

const repository = new URL('../../../../', import.meta.url)

/** The parts of the repository that are written from the code; a test for each goes red when it is stale. */
export const pages: ReadonlyArray<{ path: string; render(before: string): string }> = [
  { path: '.env.example', render: () => envExample() },
  { path: 'docs/configuration.md', render: (before) => withTable(before, configurationTable()) },
  { path: 'docs/errors.md', render: (before) => withTable(before, errorTable()) },
]

function withTable(page: string, table: string): string {
  return page.replace(/<!-- begin table -->[\s\S]*<!-- end table -->/, () => `<!-- begin table -->\n\n${table}\n\n<!-- end table -->`)
}

/**
 * Writes each page that is stale.
 *
 * @param folder of the repository
 * @param out told of each page whether it had to be written
 */
export async function writePages(folder: URL, out: (text: string) => void): Promise<void> {
  for (const { path, render } of pages) {
    const file = new URL(path, folder)
    const before = await readFile(file, 'utf8')
    const after = render(before)
    if (after !== before) await writeFile(file, after)
    out(`${path}: ${after === before ? 'up to date' : 'written'}`)
  }
}

export const docsCommand: Command = {
  name: 'docs',
  summary: 'write the pages that come from the code',
  usage: 'npm run docs',
  async run(_args, { out }) {
    await writePages(repository, out)
    return 0
  },
}
