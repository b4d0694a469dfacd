import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ErrorCode, errorCodes, errors, exampleOf } from '../../src/index.ts'

const everyPart = Array.from({ length: 10_000 }, (_, i) => i + 1)

/** Values for the parameters of every detail, with `text` wherever a client determines the value. */
const paramsWith = (text: string) => ({
  filename: text,
  type: text,
  declared: text,
  claimed: text,
  value: text,
  field: text,
  path: text,
  id: text,
  ids: ['0198c0de-0000-7000-8000-000000000001', '0198c0de-0000-7000-8000-000000000002'],
  entry: text,
  stoppedAt: text,
  where: text,
  bucket: text,
  key: text,
  query: text,
  parameter: text,
  encoding: text,
  expectation: text,
  meant: text,
  oldest: text,
  reason: 'it is empty',
  found: 'PNG',
  allowed: ['image/png', 'image/webp'],
  expected: 'a UUID',
  assetType: 'brand_image',
  method: 'GET',
  scope: 'ops',
  limit: 10,
  share: 5,
  limitBytes: 10 * 1024 * 1024,
  limitPixels: 100_000_000,
  pixels: 123_456_789,
  frames: 1001,
  seconds: 30,
  count: 2,
  minBytesPerSecond: 1024,
  missing: everyPart,
  declaredBytes: 4321,
  storedBytes: 4320,
  signer: text,
})

const detailOf = (code: ErrorCode, text: string): string =>
  (errors[code].detail as (params: ReturnType<typeof paramsWith>) => string)(paramsWith(text))

test.for(errorCodes)('the detail of %s is one plain sentence', (code, { expect }) => {
  const { status, title } = errors[code]
  expect(status).toSatisfy((value: number) => Number.isInteger(value) && value >= 400 && value < 600)
  expect(title).toMatch(/^[A-Z][^.]*$/)
  expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
  const detail = detailOf(code, 'logo.png')
  expect(detail).toMatch(/([.>]|it is empty)$/)
  expect(detail).not.toMatch(/undefined|null|NaN|\[object/)
})

/** Texts that a client may send, with many characters that break lines. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r', '\n', '\0', '\u2028', '\ud800', '\x1b', '\u202e', '\u2067'),
      fc.integer({ min: 0, max: 0x10ffff }).map((codePoint) => String.fromCodePoint(codePoint)),
    ),
    { maxLength: 300 },
  )
  .map((pieces) => pieces.join(''))

test.for(errorCodes)(
  'the detail of %s stays short, on one line and well-formed, whatever a client sends',
  { meta: { id: 'error-detail-is-sanitised' } },
  (code, { expect }) => {
    fc.assert(
      fc.property(anyText, (text) => {
        const detail = detailOf(code, text)
        expect(detail).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
        expect(detail.isWellFormed()).toBe(true)
        expect([...detail].length).toBeLessThan(400)
      }),
      { seed: 20261124, numRuns: 100 },
    )
  },
)

test('a detail contains the file and the limit in readable units', () => {
  expect(errors.file_too_large.detail({ filename: 'scene.mp4', limitBytes: 500 * 1024 * 1024 })).toBe(
    "File 'scene.mp4' is larger than 500 MiB, the maximum for its kind.",
  )
  expect(errors.too_many_pixels.detail({ filename: 'a.png', pixels: 120_000_000, limitPixels: 100_000_000 })).toBe(
    "File 'a.png' has 120 megapixels in all its frames; the maximum is 100.",
  )
  expect(errors.type_not_allowed.detail({ filename: 'a.gif', type: 'image/gif', allowed: ['image/png', 'image/webp'] })).toBe(
    "File 'a.gif' is image/gif; allowed: image/png, image/webp.",
  )
})

test('names longer than 80 characters are shortened, without splitting an emoji', () => {
  const shown = (filename: string) => errors.empty_file.detail({ filename })
  expect(shown('😀'.repeat(80))).toBe(`File '${'😀'.repeat(80)}' has 0 bytes.`)
  expect(shown('😀'.repeat(81))).toBe(`File '${'😀'.repeat(77)}…' has 0 bytes.`)
})

test.for(errorCodes)('the example of %s has values for all parameters', (code, { expect }) => {
  const { error, detail } = exampleOf(code)
  expect(error).toBe(errors[code].title)
  expect(detail).not.toMatch(/undefined|null|NaN|\[object/)
})

test('an example has the limit of its own error', () => {
  expect(exampleOf('filename_too_long').detail).toBe("File name 'logo.png' has more than 255 characters, the maximum.")
  expect(exampleOf('file_limit_reached').detail).toBe("File 'logo.png' exceeds the limit of 100 files per user and hour.")
})
