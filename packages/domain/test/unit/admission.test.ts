import { expect, test } from 'vitest'
import { type AssetType, type Content, claimedTypeOf, defaultSizeLimits, judgeContent, judgeFile, sizeLimitOf } from '../../src/index.ts'

const png: Content = { mediaType: 'image/png', described: 'PNG' }
const mp4: Content = { mediaType: 'video/mp4', described: 'MP4' }
const words: Content = { mediaType: null, described: 'plain text' }

const name = (filename: string, declaredType?: string, assetType: AssetType | null = 'brand_image') =>
  judgeFile({ filename, declaredType, assetType }, defaultSizeLimits)

test.each([
  ['photo.jpg', 'image/jpeg'],
  ['photo.JPEG', 'image/jpg'],
  ['photo.png', 'IMAGE/PNG; charset=binary'],
  ['photo.webp', undefined],
  ['photo.webp', 'application/octet-stream'],
])('a picture named %s and declared as %s is accepted', (filename, declaredType) => {
  expect(name(filename, declaredType)).toBeNull()
})

test.each([
  ['virus.exe', undefined],
  ['photo', 'image/jpeg'],
  ['.jpg', 'image/jpeg'],
  ['film.mp4', 'video/mp4'],
  ['photo.jpg.svg', 'image/svg+xml'],
])('%s is refused for its extension, whatever its declared type, and the detail lists the allowed ones', (filename, declared) => {
  expect(name(filename, declared)).toEqual({
    code: 'extension_not_allowed',
    error: 'File extension not allowed',
    detail: `File '${filename}' must have one of these extensions: .jpg, .jpeg, .png, .webp.`,
  })
})

test('a declared type that the kind does not allow is refused', () => {
  expect(name('photo.jpg', 'image/svg+xml')).toMatchObject({
    code: 'type_not_allowed',
    detail: "File 'photo.jpg' is image/svg+xml; allowed: image/jpeg, image/png, image/webp.",
  })
})

test('a declared type that contradicts the extension is refused', () => {
  expect(name('photo.jpg', 'image/png')).toMatchObject({
    code: 'extension_mismatch',
    detail: "File 'photo.jpg' is declared as image/png, which does not match its extension.",
  })
})

test('while the kind is unknown, a type passes if any kind accepts it', () => {
  expect(name('photo.jpg', 'image/jpeg', null)).toBeNull()
  expect(name('film.mp4', 'video/mp4', null)).toBeNull()
  expect(name('film.mp4', 'image/jpeg', null)?.code).toBe('extension_mismatch')
  expect(name('film.mp4', 'video/webm', null)?.code).toBe('type_not_allowed')
  expect(name('tool.exe', undefined, null)?.detail).toBe(
    "File 'tool.exe' must have one of these extensions: .jpg, .jpeg, .png, .webp, .mp4, .zip.",
  )
})

test('the name of a training set passes', () => {
  expect(name('set.zip', 'application/zip', null)).toBeNull()
  expect(name('set.zip', 'application/x-zip-compressed', 'lora_training')).toBeNull()
  expect(name('set.zip', 'application/zip', 'brand_image')?.code).toBe('extension_not_allowed')
})

test.each([
  ['logo.png', 'brand_image', png],
  ['logo.png', null, png],
  ['film.mp4', 'generated_video', mp4],
] as const)('%s passes as %s if its first bytes agree', (filename, assetType, content) => {
  expect(judgeContent({ filename, claimedType: claimedTypeOf(filename), assetType }, content)).toBeNull()
})

test.each(['photo.jpg', 'photo.webp', 'photo.PNG'])('a PNG named %s passes, because its content determines its type', (filename) => {
  for (const assetType of ['brand_image', null] as const) {
    expect(judgeContent({ filename, claimedType: claimedTypeOf(filename), assetType }, png)).toBeNull()
  }
})

test.each([
  ['holiday.mp4', 'generated_video', png, "File 'holiday.mp4' claims to be MP4, but its content is PNG."],
  ['holiday.mp4', null, png, "File 'holiday.mp4' claims to be MP4, but its content is PNG."],
  ['logo.png', 'brand_image', mp4, "File 'logo.png' claims to be PNG, but its content is MP4."],
  ['photo.jpg', 'brand_image', words, "File 'photo.jpg' claims to be JPEG, but its content is plain text."],
] as const)('%s sent as %s is refused if its content differs', (filename, assetType, content, detail) => {
  expect(judgeContent({ filename, claimedType: claimedTypeOf(filename), assetType }, content)).toMatchObject({
    code: 'type_mismatch',
    detail,
  })
})

test('content that the kind does not allow is refused, even if no type was claimed', () => {
  expect(judgeContent({ filename: 'film', claimedType: 'video/mp4', assetType: 'brand_image' }, mp4)).toMatchObject({
    code: 'type_not_allowed',
    detail: "File 'film' is video/mp4; allowed: image/jpeg, image/png, image/webp.",
  })
  expect(judgeContent({ filename: 'film', claimedType: null, assetType: 'generated_video' }, words)).toMatchObject({
    code: 'type_not_allowed',
    detail: "File 'film' is plain text; allowed: video/mp4.",
  })
})

const picture = { filename: 'logo.png', declaredType: 'image/png', assetType: 'brand_image' } as const
const limitBytes = defaultSizeLimits.brand_image

test.each([
  ['nothing', { sizeBytes: 0 }, 'empty_file'],
  ['its name, if that is wrong as well', { filename: 'logo.exe', sizeBytes: 0 }, 'extension_not_allowed'],
  ['its content before its size', { content: mp4, sizeBytes: limitBytes + 1 }, 'type_mismatch'],
  ['one byte more than its kind permits', { content: png, sizeBytes: limitBytes + 1 }, 'file_too_large'],
  ['one byte more than any kind permits', { assetType: null, content: png, sizeBytes: limitBytes + 1 }, 'file_too_large'],
] as const)('a file is refused for %s', (_why, known, code) => {
  expect(judgeFile({ ...picture, ...known }, defaultSizeLimits)).toMatchObject({ code })
})

test('a file of exactly the maximum size of its kind is accepted', () => {
  expect(judgeFile({ ...picture, content: png, sizeBytes: limitBytes }, defaultSizeLimits)).toBeNull()
})

test('while the kind is unknown, the size limit is the largest of the kinds that accept the content', () => {
  const limits = { brand_image: 1, generated_video: 3, lora_training: 2 }
  expect(sizeLimitOf({ assetType: 'brand_image' }, limits)).toBe(1)
  expect(sizeLimitOf({ assetType: null, content: png }, limits)).toBe(1)
  expect(sizeLimitOf({ assetType: null }, limits)).toBe(3)
})
