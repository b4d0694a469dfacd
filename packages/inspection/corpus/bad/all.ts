import type { CorpusFile } from '../corpus-file.ts'
import { costlyFiles } from './costly.ts'
import { badJpegs } from './jpeg.ts'
import { badJpegTrailers } from './jpeg-trailers.ts'
import { badMp4s } from './mp4.ts'
import { encryptedMp4s, mp4sWithReferences } from './mp4-media.ts'
import { otherFormats } from './other-formats.ts'
import { otherLoaders } from './other-loaders.ts'
import { badPngs } from './png.ts'
import { suspiciousFiles } from './suspicious.ts'
import { badWebps } from './webp.ts'
import { badZips } from './zip.ts'
import { badZipEnds } from './zip-ends.ts'
import { zipsWithBadEntries } from './zip-entries.ts'
import { badZipExtras } from './zip-extras.ts'

export const badFiles: readonly CorpusFile[] = [
  ...otherFormats,
  ...badJpegs,
  ...badJpegTrailers,
  ...badPngs,
  ...badWebps,
  ...badMp4s,
  ...mp4sWithReferences,
  ...encryptedMp4s,
  ...badZips,
  ...zipsWithBadEntries,
  ...badZipEnds,
  ...badZipExtras,
  ...suspiciousFiles,
  ...costlyFiles,
  ...otherLoaders,
]
