import { randomUUID } from 'node:crypto'
import { openAsBlob, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { freePorts } from '@airlock/dev-servers'
import { tokenFor } from '@airlock/testkit'
import { test as base, expect, onTestFinished } from 'vitest'
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
  globalThis.uploads = async (metas) => {
    for (const [i, data] of [...document.querySelector('#files').files].entries())
      uppy.addFile({ name: data.name, type: data.type, data, meta: metas[i] })
    await uppy.upload()
    return { succeeded, failed, shown }
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

const form = walkOf('docs/browser-uploads.md', 'js form')

/** A few samples of each result, for code that differs in one place. */
const few = samples.filter(({ file }) => /logo\.png|holiday|note|bomb/.test(file))

const snippets: readonly [what: string, snippet: string, samples: readonly Sample[]][] = [
  ['the form', form, samples],
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

declare global {
  var uploads: (
    metas: readonly Record<string, string>[],
  ) => Promise<{ succeeded: string[]; failed: string[]; shown: { name: string; text: string }[] }>
}
