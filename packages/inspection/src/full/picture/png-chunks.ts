import { Corrupt } from '../invalid-file.ts'
import { type PngHeader, palette } from './png-header.ts'

/** The order of chunks (PNG, third edition, section 5.6). Chunks that are not listed may be anywhere but between pixel chunks. */
const places: Readonly<Record<string, { readonly before: readonly string[]; readonly once?: true }>> = {
  IHDR: { before: ['PLTE', 'IDAT'], once: true },
  PLTE: { before: ['IDAT', 'tRNS'], once: true },
  tRNS: { before: ['IDAT'], once: true },
  acTL: { before: ['IDAT'], once: true },
  cHRM: { before: ['PLTE', 'IDAT'] },
  cICP: { before: ['PLTE', 'IDAT'] },
  gAMA: { before: ['PLTE', 'IDAT'] },
  iCCP: { before: ['PLTE', 'IDAT'] },
  mDCV: { before: ['PLTE', 'IDAT'] },
  cLLI: { before: ['PLTE', 'IDAT'] },
  sBIT: { before: ['PLTE', 'IDAT'] },
  sRGB: { before: ['PLTE', 'IDAT'] },
  bKGD: { before: ['IDAT'] },
  hIST: { before: ['IDAT'] },
  pHYs: { before: ['IDAT'] },
  sPLT: { before: ['IDAT'] },
}

const criticalChunks: ReadonlySet<string> = new Set(['IHDR', 'PLTE', 'IDAT', 'IEND'])

/** An upper-case first letter marks chunks without which the picture can't be shown. */
const isCritical = (type: string): boolean => type.charCodeAt(0) < 0x60

/** Colour types that have no palette: greyscale. */
const withoutPalette: readonly number[] = [0, 4]
/** Colour types with an alpha channel. */
const withAlpha: readonly number[] = [4, 6]

/** Checks the order of a PNG's chunks. */
export class ChunkOrder {
  readonly #seen = new Set<string>()
  #last = ''

  /** @throws Corrupt if the chunk is misplaced */
  next(type: string, header: PngHeader | null): void {
    if (header === null && type !== 'IHDR') throw new Corrupt("its first chunk is not 'IHDR'")
    if (isCritical(type) && !criticalChunks.has(type)) throw new Corrupt(`its critical chunk '${type}' is unknown`)
    const place = places[type]
    if (place?.once && this.#seen.has(type)) throw new Corrupt(`it has two chunks '${type}'`)
    const late = place?.before.find((other) => this.#seen.has(other))
    if (late) throw new Corrupt(`its chunk '${type}' comes after '${late}'`)
    if (type === 'IDAT' && this.#seen.has('IDAT') && this.#last !== 'IDAT') throw new Corrupt("its chunks 'IDAT' are not consecutive")
    if (header !== null) this.#againstHeader(type, header)
    this.#seen.add(type)
    this.#last = type
  }

  #againstHeader(type: string, { colourType }: PngHeader): void {
    if (type === 'IDAT' && colourType === palette && !this.#seen.has('PLTE')) throw new Corrupt('its palette is missing')
    if (type === 'PLTE' && withoutPalette.includes(colourType)) throw new Corrupt('it is greyscale but has a palette')
    if (type === 'tRNS' && withAlpha.includes(colourType)) throw new Corrupt("it has an alpha channel and a chunk 'tRNS'")
    if (type === 'tRNS' && colourType === palette && !this.#seen.has('PLTE')) throw new Corrupt("its chunk 'tRNS' comes before 'PLTE'")
  }
}
