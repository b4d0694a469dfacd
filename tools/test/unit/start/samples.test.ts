import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Client, FileToSend } from '@airlock/testkit/http'
import { expect, test } from 'vitest'
import { type SampleResult, sampleLine, sampleSummary, sendSamples } from '../../../start/samples.ts'
import { width } from '../../../start/screen.ts'

const folder = fileURLToPath(new URL('../../../../examples/samples', import.meta.url))

const listed = JSON.parse(readFileSync(`${folder}/samples.json`, 'utf8')) as { file: string; expected: string }[]
const expectedOf = (filename: string): string => listed.find(({ file }) => file.endsWith(`/${filename}`))?.expected ?? 'not listed'

/** A client of a gateway that returns the verdicts of the list, and the sent bytes. */
function knowingClient(changes: Partial<Client> = {}): Client & { sent: FileToSend[] } {
  const sent: FileToSend[] = []
  return {
    sent,
    async send(file) {
      sent.push(file)
      const code = expectedOf(file.name)
      return code === 'completed' ? { status: 'completed', assetId: String(sent.length - 1) } : { status: 'refused', code, detail: '' }
    },
    download: async (assetId) => ({ key: `final/${assetId}`, bytes: sent[Number(assetId)]?.bytes ?? new Uint8Array() }),
    ...changes,
  }
}

const colour = (_: string, text: string) => text
const resultsOf = (client: Client) => sendSamples(client, () => {})

test('the folder and its list contain the same files', () => {
  const files = ['good', 'bad'].flatMap((name) => readdirSync(`${folder}/${name}`).map((file) => `${name}/${file}`))

  expect(listed.map(({ file }) => file).toSorted()).toEqual(files.toSorted())
})

test('every sample is sent with its name and type, videos with a project, training sets with a brand', async () => {
  const client = knowingClient()
  const seen: SampleResult[] = []

  const results = await sendSamples(client, (result) => seen.push(result))

  expect(seen).toEqual(results)
  expect(results.every(({ ok }) => ok)).toBe(true)
  expect(sampleSummary(results)).toContain(`${listed.length} of ${listed.length} samples as expected; every accepted file came back`)
  const sentAs = (name: string) => client.sent.find((file) => file.name === name)
  expect(sentAs('IMG_4211.JPG')).toMatchObject({ mediaType: 'image/jpeg', fields: { asset_type: 'brand_image' } })
  expect(sentAs('holiday.mp4')).toMatchObject({ mediaType: 'video/mp4', fields: { project_id: expect.stringMatching(/^[0-9a-f-]{36}$/) } })
  expect(sentAs('boats.zip')).toMatchObject({
    mediaType: 'application/zip',
    fields: { brand_id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  })
})

test('a line below a sample says what it states about its making', async () => {
  const provenance = { present: false, declared: { generator: 'ComfyUI', digital_source_type: null, ai_generated: true } }
  const results = await resultsOf(knowingClient({ send: async () => ({ status: 'completed', assetId: '0', provenance }) }))

  const logo = results.find(({ file }) => file === 'good/logo.png') as SampleResult
  expect(sampleLine(logo, { colour })).toContain('ms\n    AI-generated: yes (declared without a signature) · ComfyUI\n')
})

test('an unexpected verdict is marked with the expected one', async () => {
  const results = await resultsOf(knowingClient({ send: async () => ({ status: 'refused', code: 'internal_error', detail: 'it broke' }) }))

  expect(results.filter(({ ok }) => ok)).toEqual([])
  const logo = results.find(({ file }) => file === 'good/logo.png') as SampleResult
  expect(sampleLine(logo, { colour })).toMatch(/^✗ logo\.png +refused: internal_error +\d+ ms\n {4}expected: completed\. it broke$/)
  expect(sampleSummary(results)).toMatch(/^0 of \d+ samples as expected\.$/)
})

test('a bad file that becomes an asset is a failure', async () => {
  const results = await resultsOf(knowingClient({ send: async () => ({ status: 'completed', assetId: '0' }) }))

  expect(results.find(({ file }) => file === 'bad/note.jpg')).toMatchObject({ ok: false, verdict: 'completed' })
})

test('other bytes at the presigned URL are a failure', async () => {
  const results = await resultsOf(knowingClient({ download: async () => ({ key: 'k', bytes: new Uint8Array(7) }) }))

  const logo = results.find(({ file }) => file === 'good/logo.png') as SampleResult
  expect(sampleLine(logo, { colour })).toMatch(/^✗ logo\.png .*\n {4}the presigned URL gave other bytes than were sent$/)
})

test.each([
  ['send', { send: () => Promise.reject(new Error('it took too long')) }],
  ['download', { download: () => Promise.reject(new Error('it took too long')) }],
] satisfies [string, Partial<Client>][])(
  'a %s without a response is reported for its sample, and the others continue',
  async (_, changes) => {
    const results = await resultsOf(knowingClient(changes))

    expect(results).toHaveLength(listed.length)
    expect(results[0]).toMatchObject({ verdict: 'no_answer', detail: 'it took too long', ok: false })
  },
)

test('each result is one line of the same width, within 80 columns', async () => {
  const results = await resultsOf(knowingClient())
  const lines = results.map((result) => sampleLine({ ...result, ms: 12_345 }, { colour }))

  expect(lines[0]).toMatch(/^✓ Harbour at dusk\.jpg +completed +12345 ms$/)
  expect(lines.join('\n')).toMatch(/^✓ bomb\.png +refused: too_many_pixels +12345 ms$/m)
  expect(lines.join('\n').split('\n')).toHaveLength(listed.length)
  expect(new Set(lines.map(width))).toEqual(new Set([width(lines[0] ?? '')]))
  expect(width(lines[0] ?? '')).toBeLessThanOrEqual(80)
})

test('after an interruption no further result is shown', async () => {
  const interrupted = new AbortController()
  const seen: SampleResult[] = []
  const sending = sendSamples(
    knowingClient(),
    (result) => {
      seen.push(result)
      interrupted.abort(new Error('Ctrl-C'))
    },
    interrupted.signal,
  )

  await expect(sending).rejects.toThrow('Ctrl-C')
  expect(seen).toHaveLength(1)
})
