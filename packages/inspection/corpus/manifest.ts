import { badFiles } from './bad/all.ts'
import type { CorpusFile } from './corpus-file.ts'
import { goodJpegs } from './good/jpeg.ts'
import { goodMp4s } from './good/mp4.ts'
import { originalFiles } from './good/originals.ts'
import { goodPngs } from './good/png.ts'
import { goodWebps } from './good/webp.ts'
import { goodZips } from './good/zip.ts'

/** Every file of the corpus. */
export const manifest: readonly CorpusFile[] = [
  ...originalFiles,
  ...goodJpegs,
  ...goodPngs,
  ...goodWebps,
  ...goodMp4s,
  ...goodZips,
  ...badFiles,
]
