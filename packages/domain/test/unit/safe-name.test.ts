import fc from 'fast-check'
import { expect, test } from 'vitest'
import { extensionOf, parseFilename, safeName } from '../../src/index.ts'

const cases: { what: string; filename: string; safe: string }[] = [
  { what: 'a safe name', filename: 'logo.png', safe: 'logo.png' },
  { what: 'spaces and brackets', filename: 'logo small (2).png', safe: 'logo_small_2.png' },
  { what: 'accents', filename: 'Grüße vom Müggelsee.JPEG', safe: 'Gru_e_vom_Muggelsee.jpeg' },
  { what: 'full-width letters', filename: 'ＡＢ.png', safe: 'AB.png' },
  { what: 'no Latin letters', filename: '写真.png', safe: 'file.png' },
  { what: 'an extension that has no safe letter', filename: 'photo.写真', safe: 'photo' },
  { what: 'no extension', filename: 'photo', safe: 'photo' },
  { what: 'a hidden file', filename: '.png', safe: 'png' },
  { what: 'dots in a row', filename: 'a...b..png', safe: 'a.b.png' },
  { what: 'an ellipsis, which decomposes into dots', filename: 'a…b.png', safe: 'a.b.png' },
  { what: 'only emoji', filename: '😀😀', safe: 'file' },
  { what: 'characters that are special in URLs and shells', filename: 'a\'b"c%2F?d#e&f;`$(g).png', safe: 'a_b_c_2F_d_e_f_g.png' },
  { what: 'a stem that would end in a dot after truncation', filename: `${'a'.repeat(95)}.bc.png`, safe: `${'a'.repeat(95)}.png` },
  { what: 'an extension that would end in a dash after truncation', filename: `a.${'b'.repeat(15)}-c`, safe: `a.${'b'.repeat(15)}` },
]

test.for(cases)('the safe characters of a name with $what are kept', ({ filename, safe }, { expect }) => {
  expect(safeName(filename)).toBe(safe)
})

test('a long name is shortened to 100 characters and keeps its extension', () => {
  expect(safeName(`${'a'.repeat(251)}.PNG`)).toBe(`${'a'.repeat(96)}.png`)
})

/** Names in which the characters that the rule replaces are frequent. */
const anyName = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('.', '_', '-', ' ', 'a', 'B', '7', 'ü', '…', '/'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
    minLength: 1,
    maxLength: 200,
  })
  .filter((raw) => {
    try {
      return parseFilename(raw) === raw
    } catch {
      return false
    }
  })

test('a safe name needs no escaping in keys, URLs and shells, whatever the file name', { meta: { id: 'safe-name' } }, () => {
  fc.assert(
    fc.property(anyName, (filename) => {
      const safe = safeName(filename)
      expect(safe).toMatch(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/)
      expect(safe).not.toContain('..')
    }),
    { seed: 20261124, numRuns: 1000 },
  )
})

test('a plain extension is kept in lower case, whatever the file name', () => {
  fc.assert(
    fc.property(anyName, fc.stringMatching(/^[A-Za-z0-9]{1,16}$/), (stem, extension) => {
      expect(extensionOf(safeName(`a${stem}.${extension}`))).toBe(extension.toLowerCase())
    }),
    { seed: 20261124, numRuns: 500 },
  )
})
