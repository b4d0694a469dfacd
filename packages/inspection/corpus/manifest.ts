import { badFiles } from './bad/all.ts'
import type { CorpusFile } from './corpus-file.ts'
import { goodJpegs } from './good/jpeg.ts'
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
  ...goodPngs,
  ...goodWebps,
  ...goodMp4s,
  ...goodZips,
  ...goodZipExtras,
  ...badFiles,
]
