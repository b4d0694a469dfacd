import { deflateSync } from 'node:zlib'
import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { before, type Chunk, chunk, internationalText, pngOf } from '../surgery/png.ts'
import { bytesOf as webpChunk, chunksOf as webpChunks, chunk as webpPart } from '../surgery/webp.ts'

const corrupt = bad('file_corrupt')
const png = () => original('im-rgb.png')
const MiB = 1024 * 1024
/** Just below the limit for one text. */
const packed = (bytes: number, filling: string | Buffer = 'as a text ') => deflateSync(Buffer.alloc(bytes, filling))
/** Bytes like a table of a profile. */
const table = Buffer.from([0, 1, 2, 3, 0x80, 0xff])
const repeated = (count: number, of: Chunk): Chunk[] => Array.from({ length: count }, () => of)

/** Small files that would cost much memory or time because of the number of their parts, although each part is within its limit. */
export const costlyFiles: readonly CorpusFile[] = [
  corrupt('many-packed-texts.png', /unpack to more than 32 MiB together/, 'seventy compressed texts (zTXt) of 16 MiB each', () =>
    before(png(), 'IDAT', ...repeated(70, chunk('zTXt', Buffer.concat([Buffer.from('a\0\0'), packed(16 * MiB - 100)])))),
  ),
  corrupt('many-international-texts.png', /unpack to more than 32 MiB together/, 'three compressed texts (iTXt) of 12 MiB each', () =>
    before(png(), 'IDAT', ...repeated(3, internationalText('a', 'x'.repeat(12 * MiB), true))),
  ),
  corrupt('many-profiles.png', /unpack to more than 32 MiB together/, 'six colour profiles of 6 MiB each', () =>
    before(png(), 'IDAT', ...repeated(6, chunk('iCCP', Buffer.concat([Buffer.from('ICC\0\0'), packed(6 * MiB, table)])))),
  ),
  corrupt('broken-profiles.png', /unpack to more than 32 MiB together/, 'colour profiles that are cut off just before their end', () =>
    before(png(), 'IDAT', ...repeated(9, chunk('iCCP', Buffer.concat([Buffer.from('ICC\0\0'), packed(12 * MiB, table).subarray(0, -1)])))),
  ),
  corrupt('many-chunks.png', /more than 5000 parts/, 'six thousand chunks without bytes', () =>
    before(png(), 'IDAT', ...repeated(6000, chunk('teSt'))),
  ),
  corrupt('many-pixel-chunks.png', /more than 100000 chunks/, 'a hundred thousand chunks of pixels without a byte', () => {
    const bytes = original('ff-rgb24.png')
    const end = pngOf([chunk('IEND')]).subarray(8)
    const empty = pngOf([chunk('IDAT')]).subarray(8)
    return Buffer.concat([bytes.subarray(0, bytes.length - end.length), Buffer.alloc(empty.length * 100_001, empty), end])
  }),
  corrupt('many-segments.jpg', /more than 5000 parts/, 'a hundred thousand application segments without bytes', () => {
    const jpeg = original('im-baseline.jpg')
    return Buffer.concat([jpeg.subarray(0, 2), Buffer.alloc(400_000, Buffer.from('ffea0002', 'hex')), jpeg.subarray(2)])
  }),
  corrupt('many-chunks.webp', /more than 5000 parts/, 'six thousand chunks without bytes after the pixels', () => {
    const empty = webpChunk(webpPart('TEST', ''))
    const body = Buffer.concat([...webpChunks(original('cwebp-lossy.webp')).map(webpChunk), Buffer.alloc(6000 * empty.length, empty)])
    const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1')
    head.writeUInt32LE(body.length + 4, 4)
    return Buffer.concat([head, body])
  }),
]
