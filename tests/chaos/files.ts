import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import { formOf as formOfFields } from '@airlock/testkit/http'
import { freeBox, listedSamples } from '@airlock/testkit/samples'
import * as jpeg from '../../packages/inspection/corpus/surgery/jpeg.ts'
import * as png from '../../packages/inspection/corpus/surgery/png.ts'
import * as webp from '../../packages/inspection/corpus/surgery/webp.ts'
import type { SentFile } from './history.ts'
import type { Random } from './random.ts'

const MiB = 1024 * 1024

/** A file for a form. */
export interface FileToSend extends Omit<SentFile, 'userId'> {
  readonly bytes: Buffer<ArrayBuffer>
}

/** Adds unique bytes to good files without making them invalid, so that mix-ups are detected. */
const marks: Readonly<Record<string, (bytes: Buffer, mark: string) => Buffer>> = {
  'image/png': (bytes, mark) => png.before(bytes, 'IDAT', png.text('chaos', mark)),
  'image/jpeg': (bytes, mark) => {
    const { segments, rest } = jpeg.takeApart(bytes)
    return jpeg.putTogether({ segments: [...segments, { marker: 0xfe, body: Buffer.from(mark) }], rest })
  },
  'video/mp4': (bytes, mark) => Buffer.concat([bytes, freeBox(mark)]),
}

/** Good and bad sample files, by kind, because a form has one kind. */
export class SamplePool {
  readonly #samples = listedSamples()

  /** SHA-256 of all files that must not become assets. */
  get badHashes(): ReadonlySet<string> {
    return new Set(this.#samples.filter(({ expected }) => expected !== 'completed').map(({ bytes }) => sha256(bytes)))
  }

  /** @param label unique in the run @param good whether it must become an asset */
  draw(assetType: SentFile['assetType'], label: string, random: Random, good = random.chance(0.8)): FileToSend {
    const fitting = this.#samples.filter(({ asset_type, expected }) => asset_type === assetType && (expected === 'completed') === good)
    const { file, expected, mediaType, bytes: original } = random.pick(fitting)
    const large = good && assetType === 'generated_video' && random.chance(0.25)
    const marked = (good && marks[mediaType]?.(original, label)) || original
    const bytes = Buffer.concat([marked, ...(large ? [freeBox(label, 9 * MiB)] : [])])
    const name = `${label}${extname(file)}`
    return { name, assetType, mediaType, expected, bytes, sizeBytes: bytes.byteLength, sha256: sha256(bytes) }
  }
}

/**
 * A picture that exceeds the memory limit of inspectors in the cluster: 100 megapixels of one colour in about 40 bytes. It is valid, so it may also pass.
 *
 * @param label unique in the run; it determines the colour, so that no two files have the same bytes
 */
export function expensivePicture(label: string): FileToSend {
  const [red = 0, green = 0, blue = 0] = createHash('sha256').update(label).digest()
  const bytes = oneColourWebp(10_000, { red, green, blue })
  const name = `${label}.webp`
  const about = { name, assetType: 'brand_image', mediaType: 'image/webp', expected: 'completed', expensive: true } as const
  return { ...about, bytes, sizeBytes: bytes.byteLength, sha256: sha256(bytes) }
}

/** A lossless WebP whose five prefix codes have one symbol each, so that its pixels need no bits (RFC 9649, section 3.7). */
function oneColourWebp(side: number, { red, green, blue }: Record<'red' | 'green' | 'blue', number>): Buffer<ArrayBuffer> {
  const bits: number[] = []
  const put = (value: number, count: number) => bits.push(...Array.from({ length: count }, (_, bit) => (value >> bit) & 1))
  put(0x2f, 8) // signature
  for (const length of [side, side]) put(length - 1, 14)
  put(0, 1 + 3 + 3) // no alpha, version 0; no transform, no colour cache, no meta prefix codes
  for (const symbol of [green, red, blue, 255]) {
    put(0b101, 3) // a simple code of one symbol, which has 8 bits
    put(symbol, 8)
  }
  put(0b0001, 4) // the same for distances, with a symbol of one bit
  const data = Buffer.alloc(2 * Math.ceil(bits.length / 16))
  for (const [index, bit] of bits.entries()) data[index >> 3] = (data[index >> 3] ?? 0) | (bit << (index & 7))
  return Buffer.from(webp.webpOf([webp.chunk('VP8L', data)]))
}

/** A form of files of one kind. */
export function formOf(files: readonly FileToSend[], { projectId, fieldsFirst }: { projectId: string; fieldsFirst: boolean }): FormData {
  const assetType = files[0]?.assetType ?? ''
  const fields = { asset_type: assetType, ...(assetType === 'generated_video' && { project_id: projectId }) }
  return formOfFields(fields, files, { fieldsFirst })
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
