import { type CorpusFile, good, original } from '../corpus-file.ts'

/** Pictures with the extensions of other accepted formats: people rename them, and chat programs save one format as another. */
export const otherExtensions: readonly CorpusFile[] = [
  good('a-png.jpg', 'PNG as JPEG', () => original('im-rgb.png')),
  good('a-jpeg.png', 'JPEG as PNG', () => original('im-baseline.jpg')),
  good('a-webp.png', 'WebP as PNG', () => original('cwebp-lossy.webp')),
  good('a-png.webp', 'PNG as WebP', () => original('im-rgb.png')),
]
