import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AirlockError, extensionOf, parseFilename } from '../../src/index.ts'

/** The accepted name, or the code and detail of its refusal. */
function parsed(raw: string | undefined): string {
  try {
    return parseFilename(raw)
  } catch (error) {
    if (error instanceof AirlockError) return error.message
    throw error
  }
}

const taken: { what: string; raw: string; name: string }[] = [
  { what: 'an ordinary name', raw: 'logo.png', name: 'logo.png' },
  { what: 'a Unix path', raw: '/etc/passwd/logo.png', name: 'logo.png' },
  { what: 'a Windows path', raw: 'C:\\Users\\Ada\\logo.png', name: 'logo.png' },
  { what: 'a path with slashes and backslashes', raw: 'a/b\\c/..\\logo.png', name: 'logo.png' },
  { what: 'a path that leads upwards', raw: '../../x.jpg', name: 'x.jpg' },
  { what: 'a name in decomposed letters', raw: 'u\u0308ber.png', name: '\u00fcber.png' },
  { what: 'a name from right to left', raw: 'תמונה.png', name: 'תמונה.png' },
  { what: 'a name with bidirectional control characters', raw: '\u202etab\u202c.png', name: '\u202etab\u202c.png' },
  { what: 'a name with dots inside', raw: '...a..b...', name: '...a..b...' },
  { what: 'a hidden file', raw: '.png', name: '.png' },
  { what: 'a name with spaces around', raw: ' a b .png', name: ' a b .png' },
  { what: '255 emoji', raw: '😀'.repeat(255), name: '😀'.repeat(255) },
  { what: '256 code points that compose to 255', raw: `${'a'.repeat(254)}u\u0308`, name: `${'a'.repeat(254)}\u00fc` },
]

test.for(taken)('the name of $what is the last part in NFC', ({ raw, name }, { expect }) => {
  expect(parsed(raw)).toBe(name)
})

const refused: { what: string; raw: string | undefined; as: string }[] = [
  { what: 'no name', raw: undefined, as: "filename_invalid: File name '' is invalid: it is empty." },
  { what: 'an empty name', raw: '', as: "filename_invalid: File name '' is invalid: it is empty." },
  { what: 'white space', raw: ' \u00a0\u3000', as: "filename_invalid: File name '' is invalid: it is empty." },
  { what: 'a path that ends in a slash', raw: 'folder/', as: "filename_invalid: File name '' is invalid: it is empty." },
  { what: 'a path that ends in a backslash', raw: 'folder\\', as: "filename_invalid: File name '' is invalid: it is empty." },
  { what: 'a dot', raw: '.', as: "filename_invalid: File name '.' is invalid: it has only dots." },
  { what: 'two dots at the end of a path', raw: 'a/..', as: "filename_invalid: File name '..' is invalid: it has only dots." },
  { what: 'dots and spaces', raw: '. .', as: "filename_invalid: File name '. .' is invalid: it has only dots." },
  { what: 'NUL', raw: 'a\0.png', as: "filename_invalid: File name 'a\u{fffd}.png' is invalid: it has control characters." },
  {
    what: 'CR LF',
    raw: 'a\r\nb.png',
    as: "filename_invalid: File name 'a\u{fffd}\u{fffd}b.png' is invalid: it has control characters.",
  },
  { what: 'DEL', raw: 'a\x7f.png', as: "filename_invalid: File name 'a\u{fffd}.png' is invalid: it has control characters." },
  { what: 'a C1 control', raw: 'a\x85.png', as: "filename_invalid: File name 'a\u{fffd}.png' is invalid: it has control characters." },
  {
    what: 'a line separator',
    raw: 'a\u2028.png',
    as: "filename_invalid: File name 'a\u{fffd}.png' is invalid: it has control characters.",
  },
  {
    what: 'a paragraph separator',
    raw: 'a\u2029',
    as: "filename_invalid: File name 'a\u{fffd}' is invalid: it has control characters.",
  },
  {
    what: 'a lone high surrogate',
    raw: 'a\ud83d.png',
    as: "filename_invalid: File name 'a\u{fffd}.png' is invalid: it is not valid Unicode.",
  },
  { what: 'a lone low surrogate', raw: '\ude00', as: "filename_invalid: File name '\u{fffd}' is invalid: it is not valid Unicode." },
  {
    what: '256 letters',
    raw: `${'a'.repeat(252)}.png`,
    as: `filename_too_long: File name '${'a'.repeat(77)}…' has more than 255 characters, the maximum.`,
  },
  {
    what: '256 emoji',
    raw: '😀'.repeat(256),
    as: `filename_too_long: File name '${'😀'.repeat(77)}…' has more than 255 characters, the maximum.`,
  },
]

test.for(refused)('$what is refused as a name with a reason', ({ raw, as }, { expect }) => {
  expect(parsed(raw)).toBe(as)
})

const anyName = fc.string({ unit: 'binary', maxLength: 300 })

test('a parsed name has no path and no control characters, and parsing it again does not change it', {
  meta: { id: 'filename-is-sanitised' },
}, () => {
  fc.assert(
    fc.property(anyName, (raw) => {
      const name = parsed(raw)
      if (name.startsWith('filename_')) return
      expect(name).not.toMatch(/[/\\\p{Cc}\p{Cs}\u2028\u2029]/u)
      expect([...name].length).toBeLessThanOrEqual(255)
      expect(parseFilename(name)).toBe(name)
    }),
    { seed: 20261124, numRuns: 500 },
  )
})

const extensions: [string, string][] = [
  ['photo.JPG', 'jpg'],
  ['archive.tar.gz', 'gz'],
  ['photo', ''],
  ['.png', ''],
  ['photo.', ''],
  ['a. png', ' png'],
]

test.for(extensions)('the extension of %j is %j', ([filename, extension], { expect }) => {
  expect(extensionOf(filename)).toBe(extension)
})
