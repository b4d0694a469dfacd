import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { configurationTable, envExample } from '@airlock/config'
import { errorCodes, errors, exampleOf } from '@airlock/domain'
import { schemaFiles } from '@airlock/queue'
import type { Command } from '../command.ts'

const repository = new URL('../../../../', import.meta.url)

/** The files that are generated from the code; a test for each fails if it is stale. */
export const pages: ReadonlyArray<{ path: string; render(before: string): string }> = [
  { path: '.env.example', render: () => envExample() },
  { path: 'docs/configuration.md', render: (before) => withTable(before, configurationTable()) },
  { path: 'docs/errors.md', render: (before) => withExample(withTable(before, errorTable())) },
  ...Object.entries(schemaFiles).map(([file, text]) => ({ path: `packages/queue/schema/${file}`, render: () => text })),
]

function withTable(page: string, table: string): string {
  return page.replace(/<!-- begin table -->[\s\S]*<!-- end table -->/, () => `<!-- begin table -->\n\n${table}\n\n<!-- end table -->`)
}

/** An example error with an invented request id. */
function withExample(page: string): string {
  const { error, detail, code } = exampleOf('empty_file')
  const body = JSON.stringify({ error, detail, code, request_id: 'd8df5891-b89d-4ca7-a892-af1de64f63cf' }, null, 2)
  return page.replace(
    /<!-- begin example -->[\s\S]*<!-- end example -->/,
    () => `<!-- begin example -->\n\n\`\`\`json\n${body}\n\`\`\`\n\n<!-- end example -->`,
  )
}

/**
 * Writes the stale pages.
 *
 * @param folder of the repository
 * @param out gets a line for each page: written or up to date
 */
export async function writePages(folder: URL, out: (text: string) => void): Promise<void> {
  for (const { path, render } of pages) {
    const file = new URL(path, folder)
    const before = await readIfThere(file)
    const after = render(before)
    if (after !== before) await writeFile(file, after)
    out(`${path}: ${after === before ? 'up to date' : 'written'}`)
  }
}

/** A page that is generated as a whole may not exist yet. */
async function readIfThere(file: URL): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await mkdir(new URL('.', file), { recursive: true })
    return ''
  }
}

export const docsCommand: Command = {
  name: 'docs',
  summary: 'write the pages that are generated from the code',
  usage: 'npm run docs',
  async run(_args, { out }) {
    await writePages(repository, out)
    return 0
  },
}

/** All errors that clients can get, as a table in Markdown, in the order of the catalogue. */
export function errorTable(): string {
  const rows = errorCodes.map((code) => [`\`${code}\``, errors[code].status, errors[code].title, exampleOf(code).detail])
  return [['`code`', 'status', '`error`', '`detail`, for example'], ['---', '---', '---', '---'], ...rows].map(asRow).join('\n')
}

const asRow = (cells: readonly (string | number)[]): string =>
  `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`
