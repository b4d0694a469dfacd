import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Client, FileToSend } from '@airlock/testkit/http'
import { expect, test } from 'vitest'
import { renderTable, sampleReport, sendSamples } from '../../../start/samples.ts'

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

test('the folder and its list contain the same files', () => {
  const files = ['good', 'bad'].flatMap((name) => readdirSync(`${folder}/${name}`).map((file) => `${name}/${file}`))

  expect(listed.map(({ file }) => file).toSorted()).toEqual(files.toSorted())
})

test('every sample is sent with its name and type, videos with a project, training sets with a brand', async () => {
  const client = knowingClient()

  const results = await sendSamples(client)

  expect(results.every(({ ok }) => ok)).toBe(true)
  expect(sampleReport(results)).toContain(`${listed.length} of ${listed.length} samples as expected; every accepted file came back`)
  const sentAs = (name: string) => client.sent.find((file) => file.name === name)
  expect(sentAs('IMG_4211.JPG')).toMatchObject({ mediaType: 'image/jpeg', fields: { asset_type: 'brand_image' } })
  expect(sentAs('holiday.mp4')).toMatchObject({ mediaType: 'video/mp4', fields: { project_id: expect.stringMatching(/^[0-9a-f-]{36}$/) } })
  expect(sentAs('boats.zip')).toMatchObject({
    mediaType: 'application/zip',
    fields: { brand_id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  })
})

test('an unexpected verdict is marked with the expected one', async () => {
  const results = await sendSamples(
    knowingClient({ send: async () => ({ status: 'refused', code: 'internal_error', detail: 'it broke' }) }),
  )

  expect(results.filter(({ ok }) => ok)).toEqual([])
  expect(sampleReport(results)).toMatch(/✗ {2}good\/logo\.png +internal_error, expected completed +– +8137 /)
  expect(sampleReport(results)).toMatch(/\n0 of \d+ samples as expected\.\n✗ good\/Harbour at dusk\.jpg: it broke\n/)
})

test('a bad file that becomes an asset is a failure', async () => {
  const results = await sendSamples(knowingClient({ send: async () => ({ status: 'completed', assetId: '0' }) }))

  expect(results.find(({ file }) => file === 'bad/note.jpg')).toMatchObject({ ok: false, verdict: 'completed' })
})

test('other bytes at the presigned URL are a failure', async () => {
  const results = await sendSamples(knowingClient({ download: async () => ({ key: 'k', bytes: new Uint8Array(7) }) }))

  expect(results.find(({ file }) => file === 'good/logo.png')).toMatchObject({ ok: false, key: 'k' })
  expect(sampleReport(results)).toContain('✗ good/logo.png: the presigned URL gave other bytes than were sent')
})

test.each([
  ['send', { send: () => Promise.reject(new Error('it took too long')) }],
  ['download', { download: () => Promise.reject(new Error('it took too long')) }],
] satisfies [string, Partial<Client>][])(
  'a %s without a response is reported for its sample, and the others continue',
  async (_, changes) => {
    const results = await sendSamples(knowingClient(changes))

    expect(results).toHaveLength(listed.length)
    expect(results[0]).toMatchObject({ verdict: 'no_answer', detail: 'it took too long', ok: false })
  },
)

test('columns are as wide as their widest cell, numbers are right-aligned', () => {
  const table = renderTable(
    ['file', 'size'],
    [
      ['logo.png', '8137'],
      ['Grüße.jpeg', '36886'],
      ['u\u0308.png', ''],
    ],
  )

  expect(table.split('\n')).toEqual(['file         size', '──────────  ─────', 'logo.png     8137', 'Grüße.jpeg  36886', 'u\u0308.png'])
})
