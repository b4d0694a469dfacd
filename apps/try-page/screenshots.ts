/**
 * Takes the pictures of the page in docs/images: `npm run screenshots`. Starts an Airlock of its own, with an empty data folder, or uses the one of
 * `-- --url http://127.0.0.1:3000`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import { chromiumInPath } from '../../tests/browser.ts'

const root = join(import.meta.dirname, '../..')
const images = join(root, 'docs/images')
const maxBytes = 150_000

type Sharp = (picture: Buffer) => { png(options: object): { toBuffer(): Promise<Buffer> } }

/** The decoder of inspection also writes small files. */
const sharp = createRequire(join(root, 'packages/inspection/package.json'))('sharp') as Sharp
const say = (line: string) => void process.stdout.write(`${line}\n`)

const { url: given } = parseArgs({ options: { url: { type: 'string' } } }).values
const temporary = mkdtempSync(join(tmpdir(), 'airlock-screenshots-'))
const { url, stop } = given === undefined ? await startAirlock() : { url: given, stop: async () => {} }
const browser = await chromium.launch({ executablePath: chromiumInPath() ?? 'chromium is not in PATH' })
try {
  mkdirSync(images, { recursive: true })
  await upload()
  for (const scheme of ['light', 'dark'] as const) await takeAll(browser, scheme)
} finally {
  await browser.close()
  await stop()
  rmSync(temporary, { recursive: true, force: true })
}

async function startAirlock() {
  const child = spawn(process.execPath, [join(root, 'tools/bin/start.mjs'), '--no-samples'], {
    cwd: root,
    env: { ...process.env, AIRLOCK_DATA_DIR: join(temporary, 'data') },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const ended = once(child, 'close')
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  for await (const line of createInterface(child.stdout)) {
    const up = /^Airlock is up: (\S+)$/.exec(line)?.[1]
    if (up === undefined) continue
    child.stdout.resume()
    return { url: up, stop }
  }
  throw new Error('npm start has ended: see its output')
}

/** Fills the list of recent assets. */
async function upload(): Promise<void> {
  const page = await browser.newPage()
  await page.goto(url)
  for (const name of ['boats.zip', 'scene-01.mp4', 'poster.webp', 'spinning badge.webp', 'IMG_4211.JPG'])
    await send(page, name, 'Completed')
  await page.close()
}

async function send(page: Page, name: string, badge: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click()
  await page.locator('.card').filter({ hasText: name }).locator('.badge', { hasText: badge }).first().waitFor()
}

async function takeAll(browser: Browser, colorScheme: 'light' | 'dark'): Promise<void> {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' })
  const page = await context.newPage()
  await page.goto(url)
  await send(page, 'Harbour at dusk.jpg', 'Completed')
  await send(page, 'photo that is a page.jpg', 'Rejected')
  await page.locator('.card .facts', { hasText: '1200 × 800 px' }).waitFor()
  await page.locator('.tile').nth(5).waitFor()
  await page.evaluate('Promise.all([...document.images].map((image) => image.decode().catch(() => {})))')

  // a large file on a slow connection
  const film = join(temporary, 'harbour cruise.mp4')
  const scene = readFileSync(join(root, 'examples/samples/good/scene-01.mp4'))
  const rest = Buffer.alloc(150_000_000)
  rest.writeUInt32BE(rest.length)
  rest.write('free', 4)
  writeFileSync(film, Buffer.concat([scene, rest]))
  const network = await context.newCDPSession(page)
  const slow = { latency: 20, downloadThroughput: -1, uploadThroughput: 6_000_000 }
  await network.send('Network.emulateNetworkConditions', { ...slow, offline: false })
  await page.setInputFiles('#files', film)
  await page.locator('.sending', { hasText: /[4-9]\d\.\d MB of 150 MB · .* left/ }).waitFor()
  await page.evaluate('scrollTo(0, 0)')
  await take(page, 'try-page', colorScheme)
  await page.setViewportSize({ width: 390, height: 844 })
  await page.evaluate("document.querySelector('#uploads-title').scrollIntoView()")
  await take(page, 'try-page-narrow', colorScheme)

  await page.setViewportSize({ width: 1440, height: 900 })
  await page.reload()
  await page.locator('.interrupted').waitFor()
  await page.locator('.tile').nth(5).waitFor()
  await page.evaluate('scrollTo(0, 0)')
  await take(page, 'try-page-interrupted', colorScheme)
  await network.send('Network.emulateNetworkConditions', { ...slow, offline: true })
  await page.locator('.banner').waitFor()
  await take(page, 'try-page-gateway-gone', colorScheme)
  await context.close()
}

async function take(page: Page, name: string, scheme: string): Promise<void> {
  const path = join(images, `${name}-${scheme}.png`)
  const picture = await page.screenshot({ animations: 'disabled', caret: 'hide' })
  const small = await sharp(picture).png({ palette: true, quality: 90, effort: 10 }).toBuffer()
  say(`${path}: ${Math.round(small.length / 1000)} kB`)
  if (small.length > maxBytes) throw new Error(`${path} has ${small.length} bytes, more than ${maxBytes}`)
  writeFileSync(path, small)
}
