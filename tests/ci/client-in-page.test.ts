import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { freePorts } from '@airlock/dev-servers'
import { tokenFor } from '@airlock/testkit'
import { largeScene, listedSamples } from '@airlock/testkit/samples'
import type { Page, Request } from 'playwright-core'
import { test as base, expect, onTestFinished } from 'vitest'
import { chromiumInPath, openPage } from '../browser.ts'
import { root } from '../npm-start.ts'
import { jwtSecret, startServices } from '../services.ts'

/** `@airlock/client` in headless Chromium, with a real worker. */

if (chromiumInPath() === null) process.stderr.write('skipped: the client in a page needs Chromium, which is not installed\n')

const test = base.extend('services', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
  const [pagePort = 0] = await freePorts(1)
  const services = await startServices({
    CORS_ORIGINS: `http://127.0.0.1:${pagePort}`,
    DIRECT_PART_BYTES: '5242880',
    DIRECT_PUT_MAX_BYTES: '5242880',
  })
  onCleanup(() => services.close())
  return { gateway: services.gateway.url, pagePort }
})

const token = () => tokenFor(randomUUID(), jwtSecret)
const pathOf = (file: string) => join(root, 'examples/samples', file)
const ids = { generated_video: { projectId: randomUUID() }, lora_training: { brandId: randomUUID() } }

/** The uploads that the client remembers in IndexedDB. @param abandoned so many are added first */
const remembered = (page: Page, abandoned = 0) =>
  page.evaluate<number>(`new Promise((resolve, reject) => {
    const opening = indexedDB.open('@airlock/client')
    opening.onupgradeneeded = () => opening.result.createObjectStore('uploads')
    opening.onerror = reject
    opening.onsuccess = () => {
      const store = opening.result.transaction('uploads', 'readwrite').objectStore('uploads')
      for (let i = 0; i < ${abandoned}; i++) store.put({}, 'abandoned ' + i)
      store.count().onsuccess = ({ target }) => {
        opening.result.close()
        resolve(target.result)
      }
    }
  })`)

const main = `
  import { Airlock } from '@airlock/client'
  globalThis.uploadAll = async (options, kinds) => {
    const airlock = new Airlock(options)
    const results = await Promise.allSettled([...document.querySelector('#files').files].map((file, i) => airlock.upload(file, kinds[i])))
    return results.map(({ value, reason }) => (value === undefined ? (reason.code ?? reason.stack) : 'completed'))
  }
`

test.skipIf(chromiumInPath() === null)(
  'in a page every sample that is good becomes an asset, and every other one is an error with its code',
  { timeout: 120_000 },
  async ({ services: { gateway, pagePort } }) => {
    const { page, close } = await openPage({ 'main.js': main }, pagePort)
    onTestFinished(close)
    const samples = listedSamples()
    await page.setInputFiles(
      '#files',
      samples.map(({ file }) => pathOf(file)),
    )
    const kinds = samples.map(({ asset_type }) => ({ assetType: asset_type, door: 'direct', ...ids[asset_type as keyof typeof ids] }))

    const results = await page.evaluate(([options, given]) => globalThis.uploadAll(options, given), [
      { baseUrl: gateway, token: token() },
      kinds,
    ] as const)

    expect(samples.map(({ file }, i) => `${basename(file)}: ${results[i]}`)).toEqual(
      samples.map(({ file, expected }) => `${basename(file)}: ${expected}`),
    )
  },
)

test.skipIf(chromiumInPath() === null)(
  'an upload continues after a reload of the page without sending a part again, also where a page may not start workers',
  { timeout: 60_000 },
  async ({ services: { gateway, pagePort } }) => {
    const { page, close } = await openPage({ 'main.js': main }, pagePort)
    onTestFinished(close)
    const sent: (string | null)[] = []
    const arrived: (string | null)[] = []
    const part = (request: Request) => (request.method() === 'PUT' ? [new URL(request.url()).searchParams.get('partNumber')] : [])
    page.on('request', (request) => sent.push(...part(request)))
    page.on('requestfinished', (request) => arrived.push(...part(request)))
    const { filename, bytes } = largeScene()
    const path = join(mkdtempSync(join(tmpdir(), 'airlock-page-')), filename)
    writeFileSync(path, bytes)
    onTestFinished(() => rmSync(dirname(path), { recursive: true }))
    const given = [
      { baseUrl: gateway, token: token() },
      [{ assetType: 'generated_video', door: 'direct', projectId: randomUUID() }],
    ] as const
    expect(await remembered(page, 200)).toBe(200)
    await page.route(/partNumber=2/, () => {}) // never answered
    await page.setInputFiles('#files', path)
    await page.evaluate(([options, kinds]) => void globalThis.uploadAll(options, kinds), given)
    await expect.poll(() => arrived.toSorted(), { timeout: 20_000 }).toEqual(['1', '3'])
    await expect.poll(() => sent.toSorted(), { timeout: 20_000 }).toEqual(['1', '2', '3'])
    expect(await remembered(page)).toBe(1) // abandoned ones are not kept for ever

    await page.reload()
    await page.unroute(/partNumber=2/) // before the reload it would let the part continue
    await page.setInputFiles('#files', path)
    const results = await page.evaluate(([options, kinds]) => {
      Object.assign(globalThis, { Worker: null })
      return globalThis.uploadAll(options, kinds)
    }, given)

    expect(results).toEqual(['completed'])
    expect(await remembered(page)).toBe(0)
    expect(sent.toSorted()).toEqual(['1', '2', '2', '3'])
  },
)

test.skipIf(chromiumInPath() === null)('the example of the README for a page shows the progress and the result', async ({ services }) => {
  const { gateway, pagePort } = services
  const example = readFileSync(join(root, 'packages/client/examples/upload-in-page.js'), 'utf8')
    .replace('https://airlock.example.com', gateway)
    .replace("fetch('/airlock-token').then((response) => response.text())", `'${token()}'`)
  const elements = "document.body.append(document.createElement('progress'), document.createElement('output'))"
  const { page, close } = await openPage(
    { 'main.js': "import './elements.js'\nimport './example.js'", 'elements.js': elements, 'example.js': example },
    pagePort,
  )
  onTestFinished(close)

  for (const [file, text] of [
    ['bad/empty.png', "File 'empty.png' has 0 bytes."],
    ['good/logo.png', 'logo.png is uploaded'],
  ] as const) {
    await page.setInputFiles('#files', pathOf(file))
    await expect.poll(() => page.textContent('output'), { timeout: 20_000 }).toBe(text)
  }
  expect(Number(await page.getAttribute('progress', 'value'))).toBe(1)
})

declare global {
  var uploadAll: (options: { baseUrl: string; token: string }, kinds: readonly object[]) => Promise<string[]>
}
