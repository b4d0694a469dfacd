import { tokenFor } from '@airlock/testkit'
import { largeScene, samples } from '@airlock/testkit/samples'
import AxeBuilder from '@axe-core/playwright'
import type { Page, Request } from 'playwright-core'
import { expect } from 'vitest'
import { chromiumInPath } from '../../../../tests/browser.ts'
import { badge, card, fileOf, secret, sendSample, test } from './site.ts'

/** The try page in headless Chromium, with a real gateway and worker. */

const inBrowser = test.skipIf(chromiumInPath() === null)
const soon = { timeout: 25_000 }

/** Drops a file as a user does who drags it from a file manager. */
async function drop(page: Page, name: string, type: string, bytes: Buffer): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    `(() => {
      const data = new DataTransfer()
      const bytes = Uint8Array.from(atob(${JSON.stringify(bytes.toString('base64'))}), (char) => char.charCodeAt(0))
      data.items.add(new File([bytes], ${JSON.stringify(name)}, { type: ${JSON.stringify(type)} }))
      return data
    })()`,
  )
  await page.dispatchEvent('.assets', 'dragenter', { dataTransfer }) // anywhere on the page
  expect(await page.innerText('.drop-text')).toBe('Let go to upload')
  for (const event of ['dragover', 'drop']) await page.dispatchEvent('.assets', event, { dataTransfer })
}

const violations = async (page: Page) =>
  (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(' ')}`)

const text = (page: Page, selector: string) => page.locator(selector).allInnerTexts()

inBrowser('a dropped picture becomes an asset, with its timeline, its facts, its preview and its event', async ({ site }) => {
  const page = await site.open()
  const name = "<img src=x onerror=alert(1)> & 'co'.jpg"
  await drop(page, name, 'image/jpeg', samples.photo.bytes)

  await expect.poll(() => badge(page, name).innerText(), soon).toBe('Completed')
  expect(await card(page, name).locator('.step-title').allInnerTexts()).toEqual(['Receiving', 'Received', 'Processing', 'Completed'])
  expect(await card(page, name).locator('time').last().innerText()).toMatch(/^\+ \d/)
  await expect.poll(() => card(page, name).locator('.facts').innerText(), soon).toMatch(/image\/jpeg[\s\S]*1200 × 800 px[\s\S]*acc3da5c/)
  const shown = () =>
    card(page, name)
      .locator('img')
      .evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)
  await expect.poll(shown, soon).toBe(1200)
  await expect.poll(() => text(page, '.tile-name'), soon).toContain(name)
  expect(await text(page, '.event summary')).toContainEqual(expect.stringMatching(/upload\.completed[\s\S]*onerror/))
  expect(await page.locator('img[src="x"]').count()).toBe(0)
  await expect.poll(() => page.locator('p[role=status]').innerText()).toBe(`${name}: Completed.`)
})

inBrowser('refused and rejected files say in words why, and a screen reader hears it', async ({ site }) => {
  const page = await site.open()
  await sendSample(page, 'holiday.mp4')
  await expect.poll(() => badge(page, 'holiday.mp4').innerText(), soon).toBe('Refused')
  expect(await card(page, 'holiday.mp4').locator('.reason').innerText()).toMatch(/holiday\.mp4[\s\S]*type_mismatch/)
  await sendSample(page, 'note.jpg')
  await expect.poll(() => badge(page, 'note.jpg').innerText(), soon).toBe('Rejected')
  expect(await card(page, 'note.jpg').locator('.reason').innerText()).toMatch(/truncated[\s\S]*file_corrupt/)
  expect(await card(page, 'note.jpg').locator('.step-title').allInnerTexts()).toEqual(['Receiving', 'Received', 'Processing', 'Rejected'])
  expect(await page.locator('p[role=status]').innerText()).toMatch(/^note\.jpg: Rejected\. File/)
})

inBrowser('a cancelled upload ends, and can be sent again', async ({ site }) => {
  const page = await site.open()
  await page.route(/\/api\/upload$/, () => {}) // never answered
  await sendSample(page, 'logo.png')
  await expect.poll(() => badge(page, 'logo.png').innerText(), soon).toBe('Sending')
  await card(page, 'logo.png')
    .getByRole('button', { name: /^Cancel/ })
    .click()
  await expect.poll(() => badge(page, 'logo.png').innerText(), soon).toBe('Cancelled')

  await page.unroute(/\/api\/upload$/)
  await card(page, 'logo.png')
    .getByRole('button', { name: /^Try again/ })
    .click()
  await expect.poll(() => badge(page, 'logo.png').innerText(), soon).toBe('Completed')
})

inBrowser('an upload continues after a reload when the same file is chosen again, and sends no part twice', async ({ site }) => {
  const page = await site.open()
  const { filename, bytes } = largeScene(17 * 2 ** 20)
  const path = fileOf(filename, bytes)
  const sent: string[] = []
  const arrived: string[] = []
  const part = (request: Request) => (request.method() === 'PUT' ? [new URL(request.url()).searchParams.get('partNumber') ?? ''] : [])
  page.on('request', (request) => sent.push(...part(request)))
  page.on('requestfinished', (request) => arrived.push(...part(request)))
  await page.route(/partNumber=2/, () => {}) // never answered
  await page.setInputFiles('#files', path)
  await expect.poll(() => arrived.toSorted(), soon).toEqual(['1', '3', '4'])
  await expect.poll(() => sent.toSorted(), soon).toEqual(['1', '2', '3', '4'])
  await expect.poll(() => card(page, filename).innerText(), soon).toMatch(/MB of 17\.9 MB/)

  await page.reload()
  await page.unroute(/partNumber=2/) // before the reload it would let the part continue
  expect(await card(page, filename).innerText()).toMatch(/The page was reloaded after .* Choose the same file again/)
  await page.setInputFiles(`[data-again="${filename}"]`, fileOf(filename, samples.scene.bytes))
  await expect.poll(() => card(page, filename).getByRole('alert').innerText()).toContain('another file')
  await page.setInputFiles('#files', path) // dropping or choosing it as a new file is the same
  await expect.poll(() => badge(page, filename).innerText(), soon).toBe('Completed')
  expect(sent.toSorted()).toEqual(['1', '2', '2', '3', '4'])
  expect(await page.locator('.card').count()).toBe(1)

  await page.reload() // what has ended stays as it is
  expect(await badge(page, filename).innerText()).toBe('Completed')
})

inBrowser('an upload that was accepted before a reload is followed to its end after it', async ({ site }) => {
  const page = await site.open()
  await page.route(/\/api\/jobs/, () => {}) // no news
  await sendSample(page, 'poster.webp')
  await expect.poll(() => badge(page, 'poster.webp').innerText(), soon).toBe('Received')
  await page.unroute(/\/api\/jobs/)
  await page.reload()
  await expect.poll(() => badge(page, 'poster.webp').innerText(), soon).toBe('Completed')
})

inBrowser('two tabs show the same assets, and one sees what the other deletes', async ({ site }) => {
  const first = await site.open()
  const second = await first.context().newPage()
  await second.goto(site.url)
  const name = `${crypto.randomUUID()}.png`
  await first.setInputFiles('#files', fileOf(name, samples.logo.bytes))
  for (const page of [first, second]) await expect.poll(() => text(page, '.tile-name'), soon).toContain(name)
  expect(await second.locator('.card').count()).toBe(0)

  await second.getByRole('button', { name: `Delete ${name}` }).click()
  await second.getByRole('dialog').getByRole('button', { name: 'Keep it' }).click()
  expect(await text(second, '.tile-name')).toContain(name)
  await second.getByRole('button', { name: `Delete ${name}` }).click()
  await second.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  for (const page of [second, first]) await expect.poll(() => text(page, '.tile-name'), soon).not.toContain(name)
  expect(await card(first, name).locator('.facts').count()).toBe(0)
  expect(await second.evaluate('document.activeElement.id')).toBe('assets-title')
})

inBrowser('what a picture states about its making is shown first, and that it does not match an edited one', async ({ site }) => {
  const page = await site.open()
  const facts = (name: string) => card(page, name).locator('.facts').innerText()
  await sendSample(page, 'Lighthouse by AI.jpg')
  await expect
    .poll(() => facts('Lighthouse by AI.jpg'), soon)
    .toMatch(/^AI-generated\s+yes \(valid, signed by Example Studio\)\s+Made with\s+Lumen Image/)
  await sendSample(page, 'Lighthouse, edited.jpg')
  await expect.poll(() => facts('Lighthouse, edited.jpg'), soon).toMatch(/^Content credentials\s+do not match this file/)
  expect(await facts('Lighthouse, edited.jpg')).not.toContain('AI-generated')
  expect(await violations(page)).toEqual([])
})

inBrowser('a limit is explained with the time at which it passes', async ({ site }) => {
  const page = await site.open()
  const body = { error: 'Limit reached', detail: 'You may upload 100 files per hour.', code: 'file_limit_reached', request_id: 'r' }
  await page.route(/\/api\/upload$/, (route) => route.fulfill({ status: 429, json: body, headers: { 'retry-after': '1800' } }))
  await sendSample(page, 'logo.png')
  await expect.poll(() => badge(page, 'logo.png').innerText(), soon).toBe('Refused')
  expect(await page.locator('.banner').innerText()).toMatch(
    /Limit reached\. You may upload 100 files per hour\. More files are possible at \d\d:\d\d:\d\d\./,
  )
})

inBrowser('while the gateway is gone the page says so, and goes on when it is back', async ({ site }) => {
  const page = await site.open()
  await page.context().setOffline(true)
  await expect.poll(() => text(page, '.banner'), soon).toEqual([expect.stringContaining('The gateway does not answer.')])
  await page.setInputFiles('#files', fileOf('late.png', samples.logo.bytes))
  expect(await card(page, 'late.png').innerText()).toContain('This upload goes on when it is back')
  await page.context().setOffline(false)
  await expect.poll(() => badge(page, 'late.png').innerText(), soon).toBe('Completed')
  await expect.poll(() => text(page, '.banner'), soon).toEqual([])
})

inBrowser('without tokens from the gateway the user pastes one, and a new one when it has expired', async ({ site }) => {
  const userId = crypto.randomUUID()
  const page = await site.open()
  await page.route(/\/try\/token$/, (route) => route.fulfill({ status: 404, json: {} }))
  await page.reload()
  await expect.poll(() => page.locator('.token').count(), soon).toBe(1)
  expect(await violations(page)).toEqual([]) // also an empty page
  await page.getByRole('textbox', { name: 'Token' }).fill(tokenFor(userId, secret, { hours: -1 }))
  await page.getByRole('button', { name: 'Use this token' }).click()
  await expect.poll(() => text(page, '.token h2'), soon).toEqual(['Your token has expired'])
  await page.getByRole('textbox', { name: 'Token' }).fill(tokenFor(userId, secret))
  await page.getByRole('button', { name: 'Use this token' }).click()
  await expect.poll(() => page.locator('.user').innerText(), soon).toContain(userId.slice(-8))
  await expect.poll(() => page.locator('.assets .empty').innerText(), soon).toContain('No assets yet')
})

inBrowser.for(['light', 'dark'] as const)(
  'axe finds nothing in the %s page with uploads, narrow, nor in its dialog',
  async (colorScheme, { site }) => {
    const page = await site.open({ colorScheme, reducedMotion: 'reduce', viewport: { width: 390, height: 844 } })
    for (const name of ['logo.png', 'bomb.png', 'scene-01.mp4']) await sendSample(page, name)
    for (const name of ['logo.png', 'scene-01.mp4']) await expect.poll(() => badge(page, name).innerText(), soon).toBe('Completed')
    await page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    expect(await violations(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    await page
      .getByRole('button', { name: /^Delete / })
      .first()
      .click()
    expect(await violations(page)).toEqual([])
  },
)
