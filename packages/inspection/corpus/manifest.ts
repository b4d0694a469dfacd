import { badFiles } from './bad/all.ts'
import { type CorpusFile, good, original } from './corpus-file.ts'
import { credentialFiles } from './good/credentials.ts'
import { declaredFiles } from './good/declared.ts'
import { generatorFiles } from './good/generators.ts'
import { goodJpegs } from './good/jpeg.ts'
import { goodJpegTrailers } from './good/jpeg-trailers.ts'
import { goodMp4s } from './good/mp4.ts'
import { originalFiles } from './good/originals.ts'
import { goodPngs } from './good/png.ts'
import { goodWebps } from './good/webp.ts'
import { goodZips } from './good/zip.ts'
import { goodZipExtras } from './good/zip-extras.ts'

/** Pictures with the extensions of other accepted formats: people rename them, and chat programs save one format as another. */
const otherExtensions: readonly CorpusFile[] = [
  good('a-png.jpg', 'PNG as JPEG', () => original('im-rgb.png')),
  good('a-jpeg.png', 'JPEG as PNG', () => original('im-baseline.jpg')),
  good('a-webp.png', 'WebP as PNG', () => original('cwebp-lossy.webp')),
  good('a-png.webp', 'PNG as WebP', () => original('im-rgb.png')),
]

/** Every file of the corpus. */
export const manifest: readonly CorpusFile[] = [
  ...originalFiles,
  ...otherExtensions,
  ...goodJpegs,
  ...goodJpegTrailers,
  ...generatorFiles,
  ...credentialFiles,
  ...declaredFiles,
  ...goodPngs,
  ...goodWebps,
  ...goodMp4s,
  ...goodZips,
  ...goodZipExtras,
  ...badFiles,
]
