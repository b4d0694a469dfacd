import { dirname, join, normalize } from 'node:path'
import type { Page } from './pages.ts'

/** A chapter of the index with its links. */
export interface Chapter {
  readonly title: string
  readonly entries: readonly { readonly label: string; readonly question: string; readonly page: Page }[]
}

/**
 * The chapters of the index: what its tables and lists link to. A page belongs to the first chapter that names it, and pages that none names to the last.
 */
export function chaptersOf(index: Page, pages: readonly Page[]): Chapter[] {
  const byPath = new Map(pages.map((page) => [page.path, page]))
  byPath.delete(index.path)
  const take = (link: string): Page | undefined => {
    const path = normalize(join(dirname(index.path), decodeURIComponent(link.split('#')[0] ?? '')))
    const page = byPath.get(path)
    byPath.delete(path)
    return page
  }
  const chapters = index.text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const rows = [...part.matchAll(/^(?:\| (.*?) \| |- )\[(.*?)\]\(([^)]+)\)/gm)]
      const entries = rows.flatMap(([, question, text = '', link = '']) => {
        const page = take(link)
        return page === undefined ? [] : [{ label: labelOf(text), question: question ?? page.title, page }]
      })
      return { title: part.split('\n', 1)[0] ?? '', entries }
    })
  const rest = [...byPath.values()].map((page) => ({ label: labelOf(page.source), question: page.title, page }))
  return [...chapters, { title: 'Also in the repository', entries: rest }].filter(({ entries }) => entries.length > 0)
}

const acronyms: Readonly<Record<string, string>> = { http: 'HTTP', api: 'API', cli: 'Command line', ops: 'Operators’ commands' }

/** `http-api.md` → `HTTP API`. Other texts, such as titles of decisions and paths, stay. */
export function labelOf(text: string): string {
  if (!/^[\w-]+\.md$/.test(text)) return text
  const words = text
    .slice(0, -'.md'.length)
    .toLowerCase()
    .split('-')
    .map((word) => acronyms[word] ?? word)
  return words.join(' ').replace(/^./, (first) => first.toUpperCase())
}

/** `llms.txt` (llmstxt.org): every page as Markdown, with the question that it answers. */
export const llmsText = (summary: string, chapters: readonly Chapter[]): string =>
  `${[
    '# Airlock',
    `> ${summary}`,
    'All pages in one file: [llms-full.txt](llms-full.txt). The HTTP interface as OpenAPI 3.1: [openapi.json](openapi.json).',
    ...chapters.map(
      ({ title, entries }) =>
        `## ${title}\n\n${entries.map(({ label, question, page }) => `- [${label}](${page.path}): ${question}`).join('\n')}`,
    ),
  ].join('\n\n')}\n`

export const llmsFullText = (pages: readonly Page[]): string =>
  pages.map(({ path, text }) => `<!-- ${path} -->\n\n${text.trim()}\n`).join('\n')
