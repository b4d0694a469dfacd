import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { otherFormats } from '../../corpus/bad/other-formats.ts'
import { otherLoaders } from '../../corpus/bad/other-loaders.ts'
import { original } from '../../corpus/corpus-file.ts'
import { readHeader } from '../../src/full/picture/decode.ts'

/** Pictures in other than the three formats, whatever their names. */
const others = [...otherLoaders, ...otherFormats].filter(
  ({ file, expect }) =>
    expect === 'type_mismatch' && /\.(?:jpg|png|webp)$/.test(file) && !/a-(?:png|jpeg|webp)\.|line-ends|shifted/.test(file),
)

test.each(others)('the decoder does not open $file even without the check of its first bytes', async ({ make }) => {
  await expect(readHeader(await make())).rejects.toThrow()
})

test('without the blocked loaders the decoder opens some of these files', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-loaders-'))
  try {
    const files = await Promise.all(
      others.map(async ({ file, make }) => {
        const path = join(folder, file.replaceAll('/', '-'))
        writeFileSync(path, await make())
        return path
      }),
    )
    const sharp = import.meta.resolve('sharp')
    const script = `
      import { readFileSync } from 'node:fs'
      import sharp from ${JSON.stringify(sharp)}
      Promise.all(process.argv.slice(1).map((file) => sharp(readFileSync(file)).metadata().then(({ format }) => format, () => null)))
        .then((formats) => console.log(formats.filter(Boolean).join()))`
    const opened = execFileSync(process.execPath, ['--input-type=module', '-e', script, ...files], { encoding: 'utf8' })
      .trim()
      .split(',')

    expect(opened).toEqual(expect.arrayContaining(['gif', 'tiff', 'svg', 'heif']))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  ['im-rgb.png', 'image/png'],
  ['im-baseline.jpg', 'image/jpeg'],
  ['cwebp-lossy.webp', 'image/webp'],
])('%s is opened by the loader of its format', async (file, mediaType) => {
  expect(await readHeader(original(file))).toMatchObject({ mediaType })
})
