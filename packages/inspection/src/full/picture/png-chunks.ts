import { Corrupt } from '../bad-bytes.ts'
import { type PngHeader, palette } from './png-header.ts'

/** Where a chunk may stand (PNG, third edition, section 5.6). What is not here may stand anywhere but between the pixels. */
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

/** A capital first letter says that a picture can't be shown without the chunk. */
const isCritical = (type: string): boolean => type.charCodeAt(0) < 0x60

/** Greyscale has no palette; its levels are the picture. */
const withoutPalette: readonly number[] = [0, 4]
/** Pictures that have an alpha channel already. */
const withAlpha: readonly number[] = [4, 6]

/** Watches over the order of a PNG's chunks. */
export class ChunkOrder {
  readonly #seen = new Set<string>()
  #last = ''

  /** @throws Corrupt when the chunk does not belong where it stands */
  next(type: string, header: PngHeader | null): void {
    if (header === null && type !== 'IHDR') throw new Corrupt("its chunk 'IHDR' does not come first")
    if (isCritical(type) && !criticalChunks.has(type)) throw new Corrupt(`nobody knows its chunk '${type}', and it can't be shown without`)
    const place = places[type]
    if (place?.once && this.#seen.has(type)) throw new Corrupt(`it has two chunks '${type}'`)
    const late = place?.before.find((other) => this.#seen.has(other))
    if (late) throw new Corrupt(`its chunk '${type}' comes after '${late}'`)
    if (type === 'IDAT' && this.#seen.has('IDAT') && this.#last !== 'IDAT') throw new Corrupt('its pixels are torn apart by another chunk')
    if (header !== null) this.#againstHeader(type, header)
    this.#seen.add(type)
    this.#last = type
  }

  #againstHeader(type: string, { colourType }: PngHeader): void {
    if (type === 'IDAT' && colourType === palette && !this.#seen.has('PLTE')) throw new Corrupt('its palette is missing')
    if (type === 'PLTE' && withoutPalette.includes(colourType)) throw new Corrupt('it is grey and has a palette')
    if (type === 'tRNS' && withAlpha.includes(colourType)) throw new Corrupt('it has its transparency twice')
    if (type === 'tRNS' && colourType === palette && !this.#seen.has('PLTE')) throw new Corrupt("its chunk 'tRNS' comes before 'PLTE'")
  }
}
