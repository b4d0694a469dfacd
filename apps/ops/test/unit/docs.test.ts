import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errorCodes } from '@airlock/domain'
import { expect, test } from 'vitest'
import { errorTable, pages, writePages } from '../../src/commands/docs.ts'

const repository = new URL('../../../../', import.meta.url)

test.for(pages)('$path matches the code (npm run docs updates it)', async ({ path, render }, { expect }) => {
  const written = await readFile(new URL(path, repository), 'utf8')
  expect(written).toBe(render(written))
})

test('updating a page replaces its table, and keeps the text around it', () => {
  const page = pages.find(({ path }) => path === 'docs/errors.md')
  const stale = 'Before.\n\n<!-- begin table -->\n\n| `gone` | 400 | Gone | No such error. |\n\n<!-- end table -->\n\nBehind.\n'
  expect(page?.render(stale)).toBe(`Before.\n\n<!-- begin table -->\n\n${errorTable()}\n\n<!-- end table -->\n\nBehind.\n`)
})

test('each error has a row in which Markdown hides nothing', () => {
  const rows = errorTable().split('\n')
  expect(rows).toHaveLength(errorCodes.length + 2)
  expect(rows).toContain('| `token_missing` | 401 | Token missing | This route needs the header Authorization: Bearer &lt;token>. |')
})

test('stale pages are written, current ones are unchanged, and each is reported', async () => {
  const folder = pathToFileURL(`${await mkdtemp(join(tmpdir(), 'airlock-docs-'))}/`)
  try {
    for (const { path, render } of pages) {
      await mkdir(new URL('.', new URL(path, folder)), { recursive: true })
      await writeFile(new URL(path, folder), render('<!-- begin table --><!-- end table -->'))
    }
    await rm(new URL('packages/queue/schema', folder), { recursive: true })
    await writeFile(new URL('docs/errors.md', folder), '# Errors\n\n<!-- begin table -->\n<!-- end table -->\n')

    const printed: string[] = []
    await writePages(folder, (text) => printed.push(text))

    const isStale = (path: string) => path === 'docs/errors.md' || path.startsWith('packages/queue/schema/')
    expect(printed).toEqual(pages.map(({ path }) => `${path}: ${isStale(path) ? 'written' : 'up to date'}`))
    expect(JSON.parse(await readFile(new URL('packages/queue/schema/job-result.v1.json', folder), 'utf8'))).toMatchObject({
      title: 'What a job returns, version 1',
    })
    expect(await readFile(new URL('docs/errors.md', folder), 'utf8')).toContain(errorTable())
  } finally {
    await rm(folder, { recursive: true })
  }
})
