import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, openAsBlob, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { freePorts } from '@airlock/dev-servers'
import { tokenFor } from '@airlock/testkit'
import { afterAll, test as base, expect, onTestFinished } from 'vitest'
import { chromiumInPath, openPage } from '../browser.ts'
import { root } from '../npm-start.ts'
import { jwtSecret, startServices } from '../services.ts'
import { walkOf } from '../walk.ts'

/** The code of docs/browser-uploads.md in headless Chromium, with all samples. */

if (chromiumInPath() === null) process.stderr.write('skipped: the code for browsers needs Chromium, which is not installed\n')

const test = base.extend('services', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
  const [pagePort = 0] = await freePorts(1)
  const services = await startServices({ CORS_ORIGINS: `http://127.0.0.1:${pagePort}` })
  onCleanup(() => services.close())
  return { ...services, pagePort }
})

interface Sample {
  file: string
  asset_type: string
  expected: string
}
const folder = join(root, 'examples/samples')
const samples: Sample[] = JSON.parse(readFileSync(join(folder, 'samples.json'), 'utf8'))
const isGood = ({ expected }: Sample) => expected === 'completed'
const namesOf = (some: readonly Sample[]) => some.map(({ file }) => basename(file)).toSorted()
const projectId = randomUUID()

/** The fields that each kind requires besides its type. */
const metaOf = ({ asset_type }: Sample): Record<string, string> => ({
  asset_type,
  ...(asset_type === 'generated_video' && { project_id: projectId }),
  ...(asset_type === 'lora_training' && { brand_id: projectId }),
})

/** The page's own module `app.js`: what the code of our page takes for granted. */
const app = (gateway: string) => `
  export const gateway = ${JSON.stringify(gateway)}
  export const token = () => ${JSON.stringify(tokenFor(randomUUID(), jwtSecret))}
  export const shown = []
  export const show = ({ name }, text) => shown.push({ name, text })
`

/** Adds files as a user does, and reports what Uppy did, independently of the code of our page. */
const main = `
  import { uppy } from './snippet.js'
  import { shown } from './app.js'
  const succeeded = [], failed = []
  uppy.on('upload-success', (file) => succeeded.push(file.name))
  uppy.on('upload-error', (file) => failed.push(file.name))
  globalThis.uppy = uppy
  globalThis.results = { succeeded, failed, shown }
  globalThis.added = (metas) => {
    for (const [i, data] of [...document.querySelector('#files').files].entries())
      uppy.addFile({ name: data.name, type: data.type, data, meta: metas[i] })
  }
  globalThis.uploads = async (metas) => {
    added(metas)
    await uppy.upload()
    while (shown.length < metas.length) await new Promise((resolve) => setTimeout(resolve, 50))
    return results
  }
`

/** What the gateway says about a sample. */
async function sentenceOf(sample: Sample, gateway: string): Promise<string> {
  const form = new FormData()
  for (const [name, value] of Object.entries(metaOf(sample))) form.set(name, value)
  form.set('files', await openAsBlob(join(folder, sample.file)), basename(sample.file))
  const headers = { authorization: `Bearer ${tokenFor(randomUUID(), jwtSecret)}`, prefer: 'wait=25' }
  const answer = await fetch(`${gateway}/api/upload`, { method: 'POST', body: form, headers })
  const body = (await answer.json()) as { detail?: string; uploads: { error: { detail: string } | null }[] }
  return body.detail ?? body.uploads[0]?.error?.detail ?? 'none'
}

/** A video of three parts of 5 MiB, whose end is a box that players skip. Golden Retriever does not store files of this size. */
function longVideo(): string {
  const box = Buffer.alloc(12 * 1024 * 1024)
  box.writeUInt32BE(box.byteLength)
  box.write('free', 4)
  const path = join(temporary, 'scene.mp4')
  if (!existsSync(path)) writeFileSync(path, Buffer.concat([readFileSync(join(folder, 'good/scene-01.mp4')), box]))
  return path
}
const temporary = mkdtempSync(join(tmpdir(), 'airlock browser '))
afterAll(() => rmSync(temporary, { recursive: true }))

const direct = walkOf('docs/browser-uploads.md', 'js direct')
const form = walkOf('docs/browser-uploads.md', 'js form')

/** A few samples of each result, for code that differs in one place. */
const few = samples.filter(({ file }) => /logo\.png|holiday|note|bomb/.test(file))

const snippets: readonly [what: string, snippet: string, samples: readonly Sample[]][] = [
  ['the form', form, samples],
  ['S3 requests', direct, samples],
  ['the form, when no response waits for inspection', form.replace(/Prefer: 'wait=25',.*$/m, ''), few],
]

test.skipIf(chromiumInPath() === null).for(snippets)(
  "Uppy's uploads by %s succeed for files that become assets, and show why others are refused",
  { timeout: 120_000 },
  async ([, snippet, given], { services: { gateway, pagePort } }) => {
    const { page, close } = await openPage({ 'main.js': main, 'snippet.js': snippet, 'app.js': app(gateway.url) }, pagePort)
    onTestFinished(close)
    await page.setInputFiles(
      '#files',
      given.map(({ file }) => join(folder, file)),
    )

    const { succeeded, failed, shown } = await page.evaluate((metas) => globalThis.uploads(metas), given.map(metaOf))

    const [good, bad] = [given.filter(isGood), given.filter((sample) => !isGood(sample))]
    expect(succeeded.toSorted()).toEqual(namesOf(good))
    expect(failed.toSorted()).toEqual(namesOf(bad))
    for (const name of namesOf(good)) expect(shown).toContainEqual({ name, text: expect.stringMatching(/^is asset [0-9a-f-]{36}$/) })
    for (const sample of bad) expect(shown).toContainEqual({ name: basename(sample.file), text: await sentenceOf(sample, gateway.url) })
  },
)

test.skipIf(chromiumInPath() === null)(
  'an upload continues after a reload, and while its inspection lasts, without sending a part again, and succeeds once',
  { timeout: 120_000 },
  async ({ services: { gateway, pagePort } }) => {
    const snippet = direct.replace('16 * 1024 * 1024', '5 * 1024 * 1024').replace('5000', '50')
    const { page, origin, close } = await openPage({ 'main.js': main, 'snippet.js': snippet, 'app.js': app(gateway.url) }, pagePort)
    onTestFinished(close)
    const sent: string[] = []
    page.on('request', (request) => {
      const { pathname, searchParams } = new URL(request.url())
      if (request.method() === 'PUT') sent.push(`part ${searchParams.get('partNumber')}`)
      if (request.method() === 'POST' && pathname.endsWith('/s3/complete')) sent.push('complete')
    })
    const choose = () => page.setInputFiles('#files', longVideo())
    const meta = { asset_type: 'generated_video', project_id: projectId }
    await page.route(/partNumber=2/, () => {}) // never answered
    await choose()
    await page.evaluate((given) => void globalThis.uploads([given]), meta)
    await expect.poll(() => sent, { timeout: 20_000 }).toEqual(['part 1', 'part 2'])

    let pending = 4 // as many as Uppy sends before it reports an error
    await page.route(/\/s3\/complete$/, (route, request) => {
      if (request.method() === 'OPTIONS' || pending-- <= 0) return route.continue()
      const body = '<?xml version="1.0"?><Error><Code>inspection_pending</Code><Message>Not yet.</Message></Error>'
      return route.fulfill({ status: 503, contentType: 'application/xml', headers: { 'access-control-allow-origin': origin }, body })
    })
    await page.reload()
    await page.unroute(/partNumber=2/) // before the reload, it would send the waiting request
    await page.waitForFunction(() => globalThis.uppy?.getFiles()[0]?.isGhost)
    await choose()
    await page.evaluate((given) => {
      globalThis.added([given])
      globalThis.uppy?.emit('restore-confirmed')
    }, meta)
    await expect.poll(() => page.evaluate(() => globalThis.results.shown), { timeout: 30_000 }).not.toEqual([])

    const { succeeded, shown } = await page.evaluate(() => globalThis.results)
    expect(shown).toEqual([{ name: 'scene.mp4', text: expect.stringMatching(/^is asset [0-9a-f-]{36}$/) }])
    expect(succeeded).toEqual(['scene.mp4'])
    expect(sent).toEqual(['part 1', 'part 2', 'part 2', 'part 3', ...Array(5).fill('complete')])
  },
)

declare global {
  // Uppy's own types need those of browsers, which differ from Node's.
  var uppy: { getFiles(): { isGhost?: boolean }[]; emit(event: 'restore-confirmed'): void } | undefined
  var results: { succeeded: string[]; failed: string[]; shown: { name: string; text: string }[] }
  var added: (metas: readonly Record<string, string>[]) => void
  var uploads: (metas: readonly Record<string, string>[]) => Promise<typeof results>
}
