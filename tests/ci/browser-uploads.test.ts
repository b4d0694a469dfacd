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

const inPage = (modules: Record<string, string>, port: number) => openPage({ 'main.js': main, ...modules }, port)

for (const [title, words] of [['the form', 'js form']] as const)
  test.skipIf(chromiumInPath() === null)(
    `Uppy's uploads by ${title} succeed for files that become assets, and show why others are refused`,
    { timeout: 120_000 },
    async ({ services }) => {
      const { page, close } = await inPage(
        { 'snippet.js': walkOf('docs/browser-uploads.md', words), 'app.js': app(services.gateway.url) },
        services.pagePort,
      )
      onTestFinished(close)
      await page.setInputFiles(
        '#files',
        samples.map(({ file }) => join(folder, file)),
      )

      const { succeeded, failed, shown } = await page.evaluate((metas) => globalThis.uploads(metas), samples.map(metaOf))

      const [good, bad] = [
        samples.filter(({ expected }) => expected === 'completed'),
        samples.filter(({ expected }) => expected !== 'completed'),
      ]
      expect(succeeded.toSorted()).toEqual(good.map(({ file }) => basename(file)).toSorted())
      expect(failed.toSorted()).toEqual(bad.map(({ file }) => basename(file)).toSorted())
      for (const sample of good)
        expect(shown).toContainEqual({ name: basename(sample.file), text: expect.stringMatching(/^is asset [0-9a-f-]{36}$/) })
      for (const sample of bad)
        expect(shown).toContainEqual({ name: basename(sample.file), text: await sentenceOf(sample, services.gateway.url) })
    },
  )

declare global {
  var uploads: (
    metas: readonly Record<string, string>[],
  ) => Promise<{ succeeded: string[]; failed: string[]; shown: { name: string; text: string }[] }>
}
