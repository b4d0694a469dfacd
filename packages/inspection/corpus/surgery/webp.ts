/** Takes WebPs apart, and assembles them again. */

export interface RiffChunk {
  readonly type: string
  readonly data: Buffer
}

export function chunksOf(webp: Buffer): RiffChunk[] {
  const chunks: RiffChunk[] = []
  for (let at = 12; at + 8 <= webp.length; ) {
    const length = webp.readUInt32LE(at + 4)
    chunks.push({ type: webp.toString('latin1', at, at + 4), data: webp.subarray(at + 8, at + 8 + length) })
    at += 8 + length + (length % 2)
  }
  return chunks
}

export const chunk = (type: string, data: Buffer | string): RiffChunk => ({ type, data: Buffer.from(data as string) })

export function bytesOf({ type, data }: RiffChunk): Buffer {
  const head = Buffer.alloc(8)
  head.write(type, 0, 'latin1')
  head.writeUInt32LE(data.length, 4)
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)])
}

export function webpOf(chunks: readonly RiffChunk[]): Buffer {
  const body = Buffer.concat(chunks.map(bytesOf))
  const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1')
  head.writeUInt32LE(body.length + 4, 4)
  return Buffer.concat([head, body])
}

export const edited = (webp: Buffer, edit: (chunk: RiffChunk) => RiffChunk | RiffChunk[] | null): Buffer =>
  webpOf(chunksOf(webp).flatMap((each) => edit(each) ?? []))

/** Appends chunks, inside of the RIFF length. */
export const withChunks = (webp: Buffer, ...chunks: RiffChunk[]): Buffer => webpOf([...chunksOf(webp), ...chunks])

/** The header of the extended format: flags and size. */
export function extendedHeader(width: number, height: number, flags = 0): RiffChunk {
  const data = Buffer.alloc(10)
  data[0] = flags
  data.writeUIntLE(width - 1, 4, 3)
  data.writeUIntLE(height - 1, 7, 3)
  return chunk('VP8X', data)
}

/** Changes the first chunk of a type on a copy. */
export function patched(webp: Buffer, type: string, patch: (data: Buffer) => void): Buffer {
  let done = false
  return edited(webp, (each) => {
    if (each.type !== type || done) return each
    done = true
    const data = Buffer.from(each.data)
    patch(data)
    return { type, data }
  })
}
