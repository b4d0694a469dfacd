import { readFile } from 'node:fs/promises'
import { errorCodes } from '@airlock/domain'
import { expect, test } from 'vitest'
import { docsCommand, pages } from '../../src/commands/docs.ts'
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

test('npm run docs says of each page whether it had to be written', async () => {
  const said: string[] = []
  const io = { env: {}, out: (text: string) => said.push(text), err: (text: string) => said.push(text) }
  expect(await docsCommand.run([], io)).toBe(0)
  expect(said).toEqual(pages.map(({ path }) => `${path}: up to date`))
})
