import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFiles, TooManyFiles } from '../../src/upload/find-files.ts'
import { assumed, extensionsOf, kindOf, missingIds } from '../../src/upload/kinds.ts'

const root = mkdtempSync(join(tmpdir(), 'airlock-find-'))
const isRoot = process.getuid?.() === 0

beforeAll(() => {
  for (const folder of ['photos/deep/er', 'empty', '.hidden', 'photos/.cache']) mkdirSync(join(root, folder), { recursive: true })
  const files = ['photos/a.PNG', 'photos/b.jpg', 'photos/notes.txt', 'photos/deep/er/c.webp', 'photos/.d.png', 'photos/.cache/e.png']
  for (const file of [...files, '.hidden/f.png', 'cut[1].mp4', 'cut1.mp4', 'note.txt']) writeFileSync(join(root, file), 'x')
  symlinkSync(join(root, 'cut1.mp4'), join(root, 'photos/link.mp4'))
  symlinkSync(root, join(root, 'photos/loop'))
  symlinkSync(join(root, 'nowhere'), join(root, 'dangling.png'))
})
afterAll(() => rmSync(root, { recursive: true }))

async function find(...paths: string[]) {
  const { files, skipped, problems } = await findFiles(
    paths.map((path) => join(root, path)),
    { extensions: extensionsOf() },
  )
  return {
    files: files.map(({ path }) => relative(root, path)),
    skipped: skipped.map((path) => relative(root, path)),
    problems: problems.map(({ detail }) => detail.replaceAll(root, '')),
  }
}

test('a folder is searched to its depth, without hidden files, links and files of other kinds', async () => {
  expect(await find('photos')).toEqual({
    files: ['photos/a.PNG', 'photos/b.jpg', 'photos/deep/er/c.webp'],
    skipped: ['photos/notes.txt'],
    problems: [],
  })
})

test('a pattern that the shell has left is expanded, and a file with that name comes first', async () => {
  expect((await find('photos/*')).files).toEqual(['photos/a.PNG', 'photos/b.jpg'])
  expect((await find('**/*.{webp,jpg}')).files).toEqual(['photos/b.jpg', 'photos/deep/er/c.webp'])
  expect((await find('cut[1].mp4')).files).toEqual(['cut[1].mp4'])
  expect((await find('cut?.mp4')).files).toEqual(['cut1.mp4'])
})

test('a file that is found twice is uploaded once', async () => {
  expect((await find('photos/a.PNG', 'photos', 'photos/*.PNG', 'photos/../photos/b.jpg')).files).toHaveLength(3)
  expect((await find('cut1.mp4', 'photos/link.mp4')).files).toEqual(['cut1.mp4'])
})

test('a file that is named is taken, whatever it is', async () => {
  expect((await find('note.txt', 'photos/.d.png', 'photos/link.mp4')).files).toEqual(['note.txt', 'photos/.d.png', 'photos/link.mp4'])
})

test('what cannot be uploaded is reported with its path, and the others are found', async () => {
  const { files, problems } = await find('nothing.png', 'empty', '*.gif', 'no/*.png', 'dangling.png', 'cut1.mp4')
  expect(files).toEqual(['cut1.mp4'])
  expect(problems).toEqual([
    "'/nothing.png' does not exist.",
    "Folder '/empty' contains no files.",
    "No file matches '/*.gif'.",
    "No file matches '/no/*.png': there is no folder '/no'.",
    "'/dangling.png' does not exist.",
  ])
  const device = await findFiles(['/dev/null'], { extensions: [] })
  expect(device.problems).toMatchObject([{ code: 'file_unreadable', detail: "'/dev/null' is neither a file nor a folder." }])
})

test.skipIf(isRoot)('a file and a folder without permission are reported', async () => {
  mkdirSync(join(root, 'locked/inner'), { recursive: true })
  writeFileSync(join(root, 'locked/secret.png'), 'x')
  chmodSync(join(root, 'locked/secret.png'), 0)
  chmodSync(join(root, 'locked/inner'), 0)
  expect((await find('locked')).problems).toEqual([
    "'/locked/inner' can't be read: permission denied.",
    "'/locked/secret.png' can't be read: permission denied.",
  ])
})

test('a search that finds too many files ends', async () => {
  const searching = findFiles([root], { extensions: extensionsOf(), limits: { files: 2, depth: 9 } })
  await expect(searching).rejects.toThrow(TooManyFiles)
  const shallow = await findFiles([join(root, 'photos')], { extensions: extensionsOf(), limits: { files: 9, depth: 1 } })
  expect(shallow.files).toHaveLength(2)
})

test('the kind comes from the extension, and required ids are demanded by name', () => {
  expect(['a.JPG', 'b.mp4', 'c.zip', 'd.mov', 'e'].map(kindOf)).toEqual(['brand_image', 'generated_video', 'lora_training', null, null])
  expect(assumed(['brand_image', 'generated_video', 'brand_image'])).toBe('2 pictures (brand_image), 1 video (generated_video)')
  const files = [
    { path: 'a.png', assetType: 'brand_image' },
    { path: 'b.mp4', assetType: 'generated_video' },
    { path: 'c.zip', assetType: 'lora_training' },
    { path: 'd.zip', assetType: 'lora_training' },
  ] as const
  expect(missingIds(files, {})).toEqual([
    "'b.mp4' is a video, which needs --project with the id of its project.",
    '2 training sets need --brand with the id of their brand.',
  ])
  expect(missingIds(files, { project: 'p', brand: 'b' })).toEqual([])
})
