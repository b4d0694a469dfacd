import { expect, test } from 'vitest'
import { isMediaType, type MediaType, mediaTypeOfExtension, mediaTypes, normalizedType, undeclaredType } from '../../src/index.ts'

test.for(Object.entries(mediaTypes))('each extension of %s belongs to it alone', ([type, { extensions }], { expect }) => {
  for (const extension of extensions) {
    expect(mediaTypeOfExtension(extension)).toBe(type)
    expect(mediaTypeOfExtension(extension.toUpperCase())).toBe(type)
    const owners = Object.values(mediaTypes).filter((other) => (other.extensions as readonly string[]).includes(extension))
    expect(owners).toHaveLength(1)
  }
})

test.for(['', 'gif', 'svg', '.jpg', 'jpg ', 'constructor'])('the extension %j belongs to no media type', (extension, { expect }) => {
  expect(mediaTypeOfExtension(extension)).toBeNull()
})

const declared: [string | undefined, string][] = [
  ['image/jpeg', 'image/jpeg'],
  ['IMAGE/JPEG', 'image/jpeg'],
  [' image/png ; charset=binary; q="1"', 'image/png'],
  ['image/jpg', 'image/jpeg'],
  ['image/pjpeg', 'image/jpeg'],
  ['image/x-png', 'image/png'],
  ['application/x-zip-compressed', 'application/zip'],
  ['application/x-zip', 'application/zip'],
  ['text/html', 'text/html'],
  [undefined, undeclaredType],
  ['', undeclaredType],
  ['  ', undeclaredType],
  [';charset=utf-8', undeclaredType],
  ['application/octet-stream', undeclaredType],
]

test.for(declared)('a file that is declared as %j is compared as %s', ([contentType, essence], { expect }) => {
  expect(normalizedType(contentType)).toBe(essence)
})

test('only names in the table are media types', () => {
  expect((Object.keys(mediaTypes) as MediaType[]).every(isMediaType)).toBe(true)
  for (const value of ['image/gif', 'toString', 'IMAGE/PNG', '']) expect(isMediaType(value)).toBe(false)
})
