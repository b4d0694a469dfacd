import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openApiDocument } from '../../tools/docs-site/openapi-document.ts'
import { chromiumInPath } from '../browser.ts'
import { root } from '../npm-start.ts'
import { startServices } from '../services.ts'

const site = join(root, 'tools/docs-site/dist/site')
const pages = (): string[] => globSync('**/*.html', { cwd: site })

const executablePath = chromiumInPath()
let browser: Browser | null = null
let origin = ''

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
}

/** As any host of static sites does. */
const server = createServer(({ url = '' }, response) => {
  const { pathname } = new URL(url, 'http://site')
  const file = join(site, decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname))
  const found = [file, `${file}.html`].find((path) => existsSync(path) && statSync(path).isFile())
  if (found === undefined) return response.writeHead(404).end()
  response.setHeader('content-type', types[extname(found)] ?? 'text/plain; charset=utf-8')
  response.end(readFileSync(found))
})

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(root, 'tools/docs-site/main.ts')], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production' },
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  origin = `http://127.0.0.1:${address.port}`
  if (executablePath !== null) browser = await chromium.launch({ executablePath })
}, 300_000)
afterAll(async () => {
  await browser?.close()
  server.closeAllConnections()
  server.close()
})

test('no link of the site is dead', () => {
  const text = (path: string) => readFileSync(join(site, path), 'utf8')
  const dead = pages().flatMap((page) =>
    [...text(page).matchAll(/<(?:a|link|script|img|source)\b[^>]*?\s(?:href|src|srcset)="([^"]*)"/g)]
      .map(([, link = '']) => link.replaceAll('&amp;', '&'))
      .filter((link) => !leadsSomewhere(page, link, text))
      .map((link) => `${page}: ${link}`),
  )
  expect(dead).toEqual([])
})

/** Readers may follow links to other sites; a page itself loads nothing from there, which the tests in Chromium show. */
function leadsSomewhere(page: string, link: string, text: (path: string) => string): boolean {
  const { origin: host, pathname, hash } = new URL(link, `http://site/${page}`)
  if (host !== 'http://site') return /^(https?|data|mailto):/.test(link)
  const path = decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname).slice(1)
  const file = [path, `${path}.html`].find((name) => existsSync(join(site, name)) && statSync(join(site, name)).isFile())
  if (file === undefined) return false
  return hash === '' || !file.endsWith('.html') || text(file).includes(`id="${decodeURIComponent(hash.slice(1))}"`)
}

test('every page is there as Markdown, with links within the site, and llms.txt lists it', () => {
  const list = readFileSync(join(site, 'llms.txt'), 'utf8')
  const expected = globSync('docs/**/*.md', { cwd: root }).map((path) =>
    path === 'docs/README.md' ? 'index.md' : path.slice('docs/'.length),
  )
  const markdown = globSync('**/*.md', { cwd: site })

  expect(markdown).toEqual(expect.arrayContaining(expected))
  expect(markdown.filter((path) => path !== 'index.md' && !list.includes(`](${path})`))).toEqual([])
  const links = markdown.flatMap((path) =>
    [
      ...readFileSync(join(site, path), 'utf8')
        .replace(/^```[\s\S]*?^```|`[^`\n]*`/gm, '')
        .matchAll(/\]\((?![a-z]+:|#)([^)\s#]+)/g),
    ].map(([, link = '']) => decodeURIComponent(new URL(link, `http://site/${path}`).pathname)),
  )
  expect(links.filter((path) => !existsSync(join(site, path)))).toEqual([])
})

/** Opens a page, and collects what it may not do: load from elsewhere, violate its policy, or fail. */
async function opens(url: string): Promise<{ page: Page; faults: string[] }> {
  if (browser === null) throw new Error('Chromium is not in PATH')
  const page = await browser.newPage({ viewport: { width: 390, height: 844 } })
  onTestFinished(() => page.close())
  const faults: string[] = []
  const isForeign = (address: string) => /^(https?|wss?):/.test(address) && new URL(address).origin !== new URL(url).origin
  page.on('request', (request) => isForeign(request.url()) && faults.push(`loads ${request.url()}`))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  page.on('pageerror', (error) => faults.push(error.message))
  await page.goto(url)
  return { page, faults }
}

test.skipIf(executablePath === null)('a reader finds a page by a word in it, without any other server', { timeout: 120_000 }, async () => {
  const { page, faults } = await opens(`${origin}/index.html`)

  await page.locator('.VPNavBarSearch button').first().click()
  await page.locator('.VPLocalSearchBox input').fill('polyglots')
  await page.locator('.VPLocalSearchBox .result').first().click()
  await page.waitForURL(/\/(?!index)[\w/-]+\.html/)

  // the address changes before the page is drawn
  await expect.poll(async () => (await page.locator('main').innerText()).toLowerCase(), { timeout: 10_000 }).toContain('polyglot')
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0)
  expect(faults).toEqual([])
})

/** Every operation is listed, uploads first, and nothing of the vendor of the reference. */
async function showsTheReference(page: Page): Promise<void> {
  const { paths } = (await openApiDocument()) as { paths: Record<string, Record<string, { summary: string; tags: string[] }>> }
  const upload = paths['/api/upload']?.post?.summary ?? 'missing'
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.getByText(upload).first().waitFor()
  const text = await page.locator('body').innerText()
  expect(text.indexOf('uploads')).toBeLessThan(text.indexOf('jobs'))
  expect(text).not.toMatch(/scalar|ask ai|generate sdk|deploy/i)
  expect(await page.locator('a:visible[href*="scalar.com"]').count()).toBe(0)
}

test.skipIf(executablePath === null)('the API reference of the site loads nothing from elsewhere', { timeout: 120_000 }, async () => {
  const { page, faults } = await opens(`${origin}/api/index.html`)
  await showsTheReference(page)
  expect(faults).toEqual([])
})

test.skipIf(executablePath === null)(
  'the API reference of a gateway loads nothing from elsewhere, and keeps its policy',
  { timeout: 120_000 },
  async () => {
    const services = await startServices()
    onTestFinished(() => services.close())
    const { page, faults } = await opens(`${services.gateway.url}/api/docs`)
    await showsTheReference(page)

    await page
      .getByRole('button', { name: /test request/i })
      .first()
      .click()
    await page.getByRole('button', { name: /send/i }).first().waitFor()

    expect(faults).toEqual([])
  },
)
