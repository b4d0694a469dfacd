import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errorCodes } from '@airlock/domain'
import { expect, test } from 'vitest'
import { pages, writePages } from '../../src/commands/docs.ts'
import { errorTable } from '../../src/commands/error-table.ts'

const repository = new URL('../../../../', import.meta.url)

test.for(pages)('$path is what the code says (npm run docs writes it anew)', async ({ path, render }, { expect }) => {
  const written = await readFile(new URL(path, repository), 'utf8')
  expect(written).toBe(render(written))
})

test('a page that comes from the code loses what is stale in its table, and keeps the words around it', () => {
  const page = pages.find(({ path }) => path === 'docs/errors.md')
  const stale = 'Before.\n\n<!-- begin table -->\n\n| `gone` | 400 | Gone | No such error. |\n\n<!-- end table -->\n\nBehind.\n'
  expect(page?.render(stale)).toBe(`Before.\n\n<!-- begin table -->\n\n${errorTable()}\n\n<!-- end table -->\n\nBehind.\n`)
})

test('each error has its row, with nothing in it that Markdown would swallow', () => {
  const rows = errorTable().split('\n')
  expect(rows).toHaveLength(errorCodes.length + 2)
  expect(rows).toContain('| `token_missing` | 401 | Token missing | This route needs the header Authorization: Bearer &lt;token>. |')
})

test('what is stale is written, what is up to date is left alone, and each is told', async () => {
  const folder = pathToFileURL(`${await mkdtemp(join(tmpdir(), 'airlock-docs-'))}/`)
  try {
    await mkdir(new URL('docs', folder))
    for (const { path, render } of pages) {
      await writeFile(new URL(path, folder), render('<!-- begin table --><!-- end table -->'))
    }
    await writeFile(new URL('docs/errors.md', folder), '# Errors\n\n<!-- begin table -->\n<!-- end table -->\n')

    const said: string[] = []
    await writePages(folder, (text) => said.push(text))

    expect(said).toEqual(['.env.example: up to date', 'docs/configuration.md: up to date', 'docs/errors.md: written'])
    expect(await readFile(new URL('docs/errors.md', folder), 'utf8')).toContain(errorTable())
  } finally {
    await rm(folder, { recursive: true })
  }
})
