/** Takes MP4s apart, and assembles them again. */

export interface Mp4Box {
  readonly type: string
  readonly body: Buffer
}

const parents: ReadonlySet<string> = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl', 'mvex', 'moof', 'traf', 'udta', 'dinf', 'edts'])

export function boxesOf(bytes: Buffer): Mp4Box[] {
  const boxes: Mp4Box[] = []
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at)
    boxes.push({ type: bytes.toString('latin1', at + 4, at + 8), body: bytes.subarray(at + 8, at + size) })
    at += size
  }
  return boxes
}

export function box(type: string, ...contents: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(contents.map((each) => Buffer.from(each as string)))
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.length + 8)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, body])
}

const bytesOf = ({ type, body }: Mp4Box): Buffer => box(type, body)

/**
 * Changes boxes anywhere in a file, from the innermost outwards.
 *
 * @param edit called with a path such as 'moov/trak/mdia' and the contents; returns new contents, several complete boxes as a list, or null to remove it
 */
export function edited(bytes: Buffer, edit: (path: string, body: Buffer) => Buffer | Buffer[] | null, prefix = ''): Buffer {
  return Buffer.concat(
    boxesOf(bytes).flatMap(({ type, body }) => {
      const path = prefix + type
      const inner = parents.has(type) ? edited(body, edit, `${path}/`) : body
      const result = edit(path, inner)
      if (result === null) return []
      return Array.isArray(result) ? result : [bytesOf({ type, body: result })]
    }),
  )
}

/** Changes the contents of the first box at a path, on a copy of the same length. */
export function patched(bytes: Buffer, wanted: string, patch: (body: Buffer) => void): Buffer {
  let done = false
  return edited(bytes, (path, body) => {
    if (path !== wanted || done) return body
    done = true
    const copy = Buffer.from(body)
    patch(copy)
    return copy
  })
}

/** Removes the first box at a path. */
export function without(bytes: Buffer, wanted: string): Buffer {
  let done = false
  return edited(bytes, (path, body) => {
    if (path !== wanted || done) return body
    done = true
    return null
  })
}

/** Writes another size into the header of the first box of a type. */
export function resized(bytes: Buffer, type: string, size: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt32BE(size, copy.indexOf(type, 0, 'latin1') - 4)
  return copy
}

/** Replaces the brands in the file's first box. */
export function branded(bytes: Buffer, major: string, compatible = major): Buffer {
  return patched(bytes, 'ftyp', (body) => {
    body.write(major, 0, 'latin1')
    for (let at = 8; at < body.length; at += 4) body.write(compatible, at, 'latin1')
  })
}
