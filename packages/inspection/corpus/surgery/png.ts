import { crc32, deflateSync, inflateSync } from 'node:zlib'

/** Takes PNGs apart, and assembles them again. */

export interface Chunk {
  readonly type: string
  readonly data: Buffer
}

const signature = Buffer.from('89504e470d0a1a0a', 'hex')

export function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = []
  for (let at = 8; at + 12 <= png.length; ) {
    const length = png.readUInt32BE(at)
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) })
    at += 12 + length
  }
  return chunks
}

export function chunk(type: string, data: Buffer | string = Buffer.alloc(0)): Chunk {
  return { type, data: Buffer.from(data as string) }
}

export function bytesOf({ type, data }: Chunk): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(data.length, 0)
  head.write(type, 4, 'latin1')
  const tail = Buffer.alloc(4)
  tail.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), data])))
  return Buffer.concat([head, data, tail])
}

export const pngOf = (chunks: readonly Chunk[]): Buffer => Buffer.concat([signature, ...chunks.map(bytesOf)])

/** Inserts chunks before the first one of a type. */
export function before(png: Buffer, type: string, ...inserted: Chunk[]): Buffer {
  const chunks = chunksOf(png)
  const at = chunks.findIndex((each) => each.type === type)
  return pngOf([...chunks.slice(0, at), ...inserted, ...chunks.slice(at)])
}

/** Changes, removes or keeps each chunk. */
export const edited = (png: Buffer, edit: (chunk: Chunk) => Chunk | Chunk[] | null): Buffer =>
  pngOf(chunksOf(png).flatMap((each) => edit(each) ?? []))

/** Changes the header's bytes on a copy. */
export const withHeader = (png: Buffer, patch: (header: Buffer) => void): Buffer =>
  edited(png, (each) => {
    if (each.type !== 'IHDR') return each
    const data = Buffer.from(each.data)
    patch(data)
    return { type: 'IHDR', data }
  })

/** Its unpacked pixels: rows with their filter bytes. */
export const rowsOf = (png: Buffer): Buffer =>
  inflateSync(Buffer.concat(chunksOf(png).flatMap(({ type, data }) => (type === 'IDAT' ? [data] : []))))

/** Replaces its compressed pixels. */
export function withPixels(png: Buffer, ...packed: Buffer[]): Buffer {
  const chunks = chunksOf(png)
  const first = chunks.findIndex(({ type }) => type === 'IDAT')
  const others = chunks.filter(({ type }) => type !== 'IDAT')
  return pngOf([...others.slice(0, first), ...packed.map((data) => chunk('IDAT', data)), ...others.slice(first)])
}

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4)
  return bytes
}

export const animationControl = (frames: number): Chunk => chunk('acTL', u32(frames, 0))
export const frameControl = (sequence: number, width: number, height: number, x = 0, y = 0): Chunk =>
  chunk('fcTL', Buffer.concat([u32(sequence, width, height, x, y), Buffer.from([0, 1, 0, 10, 0, 0])]))
export const frameData = (sequence: number, packed: Buffer): Chunk => chunk('fdAT', Buffer.concat([u32(sequence), packed]))

/** An animation that repeats the picture, which is also its first frame. */
export function animated(png: Buffer, frames: number): Buffer {
  const { width, height } = { width: png.readUInt32BE(16), height: png.readUInt32BE(20) }
  const packed = deflateSync(rowsOf(png))
  const further = Array.from({ length: frames - 1 }, (_, i) => [
    frameControl(i * 2 + 1, width, height),
    frameData(i * 2 + 2, packed),
  ]).flat()
  return before(before(png, 'IDAT', animationControl(frames), frameControl(0, width, height)), 'IEND', ...further)
}

export const packedText = (keyword: string, text: string): Chunk =>
  chunk('zTXt', Buffer.concat([Buffer.from(`${keyword}\0\0`), deflateSync(Buffer.from(text))]))
export const text = (keyword: string, contents: string): Chunk => chunk('tEXt', `${keyword}\0${contents}`)
export const internationalText = (keyword: string, contents: string, packed = false): Chunk =>
  chunk(
    'iTXt',
    Buffer.concat([
      Buffer.from(`${keyword}\0`),
      Buffer.from([packed ? 1 : 0, 0, 0, 0]),
      packed ? deflateSync(Buffer.from(contents)) : Buffer.from(contents),
    ]),
  )
export const profile = (bytes: Buffer): Chunk => chunk('iCCP', Buffer.concat([Buffer.from('ICC\0\0'), deflateSync(bytes)]))
