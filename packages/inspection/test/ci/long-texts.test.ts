import { MiB } from '@airlock/domain'
import { expect, test } from 'vitest'
import type { Part } from '../../src/full/picture/picture-structure.ts'
import { searchSuspicious } from '../../src/full/suspicious/search.ts'
import { printableRuns, utf16Runs } from '../../src/full/suspicious/text-decoding.ts'
import { metadataFault } from '../../src/full/training-set/metadata.ts'
import { maxUnpackedBytes } from '../../src/full/unpack.ts'

/** One or two repeated characters, as long as the longest text of a picture. Some regular expressions of V8 fail at 5 MiB. */
const longest = (piece: string): Buffer => Buffer.alloc(maxUnpackedBytes, piece, 'latin1')

test.for([
  { of: 'letters', kind: 'profile', bytes: longest('a') },
  { of: 'UTF-16', kind: 'exif', bytes: longest('a\0') },
  { of: 'UTF-16 of the other order', kind: 'other', bytes: longest('\0a') },
] as const)(
  '16 MiB of $of in a part of kind $kind are searched completely',
  { meta: { id: 'long-texts-are-searched' }, timeout: 60_000 },
  ({ kind, bytes }) => {
    const part: Part = { where: 'a part', kind, bytes, at: 0 }

    expect(() => searchSuspicious(Buffer.alloc(16), [part])).not.toThrow()
  },
)

test('runs of at least 32 printable characters are found at any position', () => {
  const [short, long] = ['x'.repeat(31), 'y'.repeat(32)]

  expect(printableRuns(`${long}\x01${short}\x80${long}z`)).toBe(`${long}\0${long}z`)
  expect(printableRuns(`${short}\x7f${short}`)).toBe('')
})

test('runs of at least eight characters of UTF-16 are found in both byte orders and at any position', () => {
  const wide = (text: string, swapped = false) => [...text].map((letter) => (swapped ? `\0${letter}` : `${letter}\0`)).join('')

  expect(utf16Runs(`\x01${wide('eight...')}\x02\x03${wide('nine.....', true)}\x04${wide('seven..')}`)).toBe('eight...\0nine.....')
  expect(utf16Runs('no such characters')).toBeNull()
  expect(utf16Runs(`\0${wide('seven..')}\x01`)).toBeNull()
})

test.for([
  { name: 'metadata.jsonl', text: (caption: string) => `{"file_name": "a.png", "text": "${caption}"}` },
  { name: 'metadata.csv', text: (caption: string) => `file_name,text\na.png,"${caption}"` },
  { name: 'metadata.csv', text: (caption: string) => `file_name,text\na.png,${caption}` },
])('a $name with a caption of 15 MiB is read completely', ({ name, text }) => {
  const bytes = Buffer.from(text('a'.repeat(15 * MiB)))

  expect(metadataFault(name, bytes, (file) => file === 'a.png')).toBeNull()
  expect(metadataFault(name, bytes, () => false)).toContain("names 'a.png'")
})
