import { badFiles } from './bad/all.ts'
import type { CorpusFile } from './corpus-file.ts'
import { generatorFiles } from './good/generators.ts'
import { goodJpegs } from './good/jpeg.ts'
import { goodJpegTrailers } from './good/jpeg-trailers.ts'
import { goodMp4s } from './good/mp4.ts'
import { originalFiles } from './good/originals.ts'
import { otherExtensions } from './good/other-extensions.ts'
import { goodPngs } from './good/png.ts'
import { goodWebps } from './good/webp.ts'
import { goodZips } from './good/zip.ts'
import { goodZipExtras } from './good/zip-extras.ts'

/** Every file of the corpus. */
export const manifest: readonly CorpusFile[] = [
  ...originalFiles,
  ...otherExtensions,
  ...goodJpegs,
  ...goodJpegTrailers,
  ...generatorFiles,
  ...goodPngs,
  ...goodWebps,
  ...goodMp4s,
  ...goodZips,
  ...goodZipExtras,
  ...badFiles,
]
