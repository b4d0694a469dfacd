/** `npm run docs:site`: builds `docs` as a static site in `tools/docs-site/dist/site`. `--base /airlock/` is for a site that is not at the root of its host. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { referenceCss, referenceHtml, referenceProgram } from '../../apps/gateway/src/openapi/reference-page.ts'
import { scalarScript } from '../../apps/gateway/src/openapi/scalar-script.ts'
import { chaptersOf, labelOf, llmsFullText, llmsText } from './index-page.ts'
import { openApiDocument } from './openapi-document.ts'
import { type Page, siteContents } from './pages.ts'

const here = import.meta.dirname
const root = join(here, '../..')
const sources = join(here, 'dist/source')

/** What the reference shows as its server: a site has no gateway. */
const servers = [{ url: 'http://127.0.0.1:3000', description: 'npm start' }]

const { base } = parseArgs({ options: { base: { type: 'string', default: '/' } } }).values
installOnce()
rmSync(sources, { recursive: true, force: true })
const { pages, files } = siteContents(root)
const index = pages.find(({ path }) => path === 'index.md') as Page
const summary = firstParagraph(readFileSync(join(root, 'README.md'), 'utf8'))
const chapters = chaptersOf(index, pages)

for (const page of pages) write(page.path, sourceOf(page))
for (const { path, text } of pages) write(`public/${path}`, text)
for (const [path, source] of files) {
  copy(source, `public/${path}`)
  copy(source, path) // pictures are imported from beside the pages
}
write('public/llms.txt', llmsText(summary, chapters))
write('public/llms-full.txt', llmsFullText(pages))
await writeReference()
write('site.json', JSON.stringify({ base, description: summary, sidebar: sidebar() }))
execFileSync(join(here, 'node_modules/.bin/vitepress'), ['build', here], { stdio: 'inherit' })
process.stdout.write(`${pages.length} pages in ${join(here, 'dist/site')}\n`)

/** The Markdown of a page for VitePress, which highlights all languages of our pages but this one. */
function sourceOf(page: Page): string {
  const asHome = () =>
    page.text.replace(/^# .*\n/, `# Airlock\n\n${summary}\n`).replace(/\[([\w-]+\.md)\]/g, (_, name) => `[${labelOf(name)}]`)
  const text = page === index ? asHome() : page.text
  return text.replace(/^```promql$/gm, '```txt')
}

/** Installs what only this command needs, unless it is there in the version of the lock file. */
function installOnce(): void {
  const lock = readFileSync(join(here, 'package-lock.json'), 'utf8')
  const mark = join(here, 'node_modules/.installed-lock.json')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: here, stdio: 'inherit' })
  writeFileSync(mark, lock)
}

function write(path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(sources, path)), { recursive: true })
  writeFileSync(join(sources, path), content)
}

function copy(source: string, path: string): void {
  mkdirSync(dirname(join(sources, path)), { recursive: true })
  cpSync(join(root, source), join(sources, path))
}

/** The same page as `/api/docs` of a gateway, which here sends no requests. */
async function writeReference(): Promise<void> {
  write('public/openapi.json', JSON.stringify({ ...(await openApiDocument()), servers }))
  write('public/api/index.html', referenceHtml('.'))
  write('public/api/reference.css', referenceCss)
  write('public/api/reference.js', referenceProgram({ documentUrl: '../openapi.json', canSend: false }))
  write('public/api/scalar.js', gunzipSync(await scalarScript()))
}

function sidebar(): object[] {
  return chapters.map(({ title, entries }, position) => ({
    text: title,
    collapsed: position > 2,
    items: entries.map(({ label, page }) => ({ text: label, link: `/${page.path.replace(/(index)?\.md$/, '')}` })),
  }))
}

function firstParagraph(markdown: string): string {
  const [, paragraph = ''] = /^# .*\n\n([\s\S]*?)\n\n/m.exec(markdown) ?? []
  return paragraph.replaceAll('\n', ' ')
}
