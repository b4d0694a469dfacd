import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { type Answer, answerOf, type Client, type FilePart, logo, photo, type RunningGateway, test } from '../gateway.ts'

type Entry = readonly [name: string, value: string | FilePart]

/** Sends a form with these parts, in this order. */
async function sends(gateway: RunningGateway, client: Client, entries: readonly Entry[], headers = {}): Promise<Answer> {
  const body = new FormData()
  for (const [name, value] of entries) {
    if (typeof value === 'string') body.append(name, value)
    else body.append(name, new Blob([value.bytes as Uint8Array<ArrayBuffer>], { type: value.type ?? '' }), value.name)
  }
  return answerOf(await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers: { ...(await client.headers()), ...headers }, body }))
}

/** What Uppy's xhr-upload sends by default, with the fields that the page has set as metadata of its files. */
const asUppySends = (file: FilePart, meta: readonly Entry[] = [['asset_type', 'brand_image']]): Entry[] => [
  ...meta,
  ['relativePath', 'null'],
  ['name', file.name],
  ['type', file.type ?? ''],
  ['file', file],
]

test("a file in the field 'file' is accepted, with the fields that uploaders send along with it", async ({ gateway, client }) => {
  const { status, body } = await sends(gateway, client, asUppySends(await photo('dusk.jpg')))

  expect(status).toBe(202)
  expect(body).toMatchObject({ uploads: [{ index: 0, filename: 'dusk.jpg', mime_type: 'image/jpeg' }], rejected: [] })
})

test('files of both fields are one list, in the order of the form', async ({ gateway, client }) => {
  const empty = { name: 'empty.png', type: 'image/png', bytes: new Uint8Array() }
  const { status, body } = await sends(gateway, client, [
    ['file', await photo('a.jpg')],
    ['files', empty],
    ['filename', 'ignored.gif'],
    ['asset_type', 'brand_image'],
    ['file', await logo('c.png')],
  ])

  expect(status).toBe(202)
  expect(body.uploads).toMatchObject([
    { index: 0, filename: 'a.jpg' },
    { index: 2, filename: 'c.png' },
  ])
  expect(body.rejected).toMatchObject([{ index: 1, filename: 'empty.png', code: 'empty_file' }])
})

test('ignored fields are not part of a repeated request', async ({ gateway, client }) => {
  const file = await photo()
  const headers = { 'idempotency-key': randomUUID() }
  const first = await sends(gateway, client, asUppySends(file), headers)

  const again = await sends(
    gateway,
    client,
    [
      ['asset_type', 'brand_image'],
      ['name', 'other'],
      ['files', file],
    ],
    headers,
  )

  expect(again.body).toEqual(first.body)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
})

const refused: [what: string, code: string, detail: string | RegExp, entries: (file: FilePart) => Entry[]][] = [
  ['a misspelt field', 'field_unknown', /'asset-type' is unknown/, (file) => asUppySends(file, [['asset-type', 'brand_image']])],
  ['a field that differs in case', 'field_unknown', /'Name' is unknown/, (file) => [['Name', file.name], ...asUppySends(file)]],
  ['a piece of a file', 'field_unknown', /'chunk' is unknown/, (file) => [['chunk', '0'], ['chunks', '2'], ...asUppySends(file)]],
  [
    'a file in a field that is ignored if it is text',
    'field_unknown',
    /'name' is unknown/,
    (file) => [['name', file], ...asUppySends(file)],
  ],
  [
    "Uppy's field of bundled files",
    'field_unknown',
    /'files\[\]' is unknown/,
    (file) => [
      ['asset_type', 'brand_image'],
      ['files[]', file],
    ],
  ],
  [
    'no asset_type besides a type',
    'asset_type_missing',
    /asset_type/,
    (file) => [
      ['type', 'brand_image'],
      ['file', file],
    ],
  ],
  ['text instead of a file', 'field_malformed', "The field 'file' must be a file: a part with a filename.", () => [['file', 'hello']]],
  ['no file', 'no_files', "The form has no file in the fields 'files' or 'file'; it takes 1 to 10.", () => [['name', 'a.jpg']]],
  ['a name that every object has', 'form_malformed', /malformed/, (file) => [['toLocaleString', 'x'], ...asUppySends(file)]],
  ['the name of a prototype', 'form_malformed', /malformed/, (file) => [['__proto__', 'x'], ...asUppySends(file)]],
  [
    'thousands of ignored fields',
    'form_malformed',
    /malformed/,
    (file) => [...Array<Entry>(5000).fill(['name', 'x']), ...asUppySends(file)],
  ],
]

test.for(refused)('a form with %s → %s, and nothing of it is accepted', async ([, code, detail, entries], { gateway, client }) => {
  const { status, body } = await sends(gateway, client, entries(await photo()))

  expect([status, body.code]).toEqual([400, code])
  expect(body.detail).toMatch(detail)
  await gateway.leavesNothing()
})
