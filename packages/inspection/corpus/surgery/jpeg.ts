/** Takes JPEGs apart, and assembles them again. */

export interface Segment {
  readonly marker: number
  readonly body: Buffer
}

/** A JPEG's segments up to its first scan, and the rest. */
export interface JpegPieces {
  readonly segments: readonly Segment[]
  readonly rest: Buffer
}

export function takeApart(jpeg: Buffer): JpegPieces {
  const segments: Segment[] = []
  let at = 2
  while (jpeg[at + 1] !== 0xda) {
    const length = jpeg.readUInt16BE(at + 2)
    segments.push({ marker: jpeg[at + 1] ?? 0, body: jpeg.subarray(at + 4, at + 2 + length) })
    at += 2 + length
  }
  return { segments, rest: jpeg.subarray(at) }
}

export function segment(marker: number, body: Buffer | string): Buffer {
  const contents = Buffer.from(body as string)
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(contents.length + 2, 2)
  return Buffer.concat([head, contents])
}

export const putTogether = ({ segments, rest }: JpegPieces): Buffer =>
  Buffer.concat([Buffer.from([0xff, 0xd8]), ...segments.map(({ marker, body }) => segment(marker, body)), rest])

/** Inserts segments right after SOI. */
export const withSegments = (jpeg: Buffer, ...segments: Buffer[]): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)])

export const comment = (text: string | Buffer): Buffer => segment(0xfe, text)
export const app = (number: number, body: string | Buffer): Buffer => segment(0xe0 + number, body)
export const xmp = (packet: string): Buffer => app(1, `http://ns.adobe.com/xap/1.0/\0${packet}`)
export const exif = (tiff: Buffer): Buffer => app(1, Buffer.concat([Buffer.from('Exif\0\0'), tiff]))

/** Changes, removes or keeps each segment before the first scan. */
export function edited(jpeg: Buffer, edit: (segment: Segment) => Segment | Segment[] | null): Buffer {
  const { segments, rest } = takeApart(jpeg)
  return putTogether({ segments: segments.flatMap((each) => edit(each) ?? []), rest })
}

/** Changes the first segment of a marker on a copy. */
export function patched(jpeg: Buffer, marker: number, patch: (body: Buffer) => void): Buffer {
  return edited(jpeg, (each) => {
    if (each.marker !== marker) return each
    const body = Buffer.from(each.body)
    patch(body)
    return { marker, body }
  })
}

/** An XMP packet as Adobe's library writes it, with the given contents. */
export const xmpPacket = (attributes: string, inside = ''): string =>
  `<?xpacket begin="\u{feff}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.1.0">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"
    xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/" ${attributes}>${inside}</rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
${' '.repeat(100)}
<?xpacket end="w"?>`

/** EXIF with one text in its first directory, big-endian. */
export function exifWith(tag: number, text: Buffer | string, type = 2): Buffer {
  const value = Buffer.from(text as string)
  const head = Buffer.alloc(26)
  head.write('MM\0*', 0, 'latin1')
  head.writeUInt32BE(8, 4)
  head.writeUInt16BE(1, 8)
  head.writeUInt16BE(tag, 10)
  head.writeUInt16BE(type, 12)
  head.writeUInt32BE(value.length, 14)
  head.writeUInt32BE(26, 18)
  return Buffer.concat([head, value])
}

/** The list of pictures of CIPA DC-007. Offsets are relative to the list's first byte. */
export function pictureList(pictures: readonly { bytes: number; offset: number }[]): Buffer {
  const list = Buffer.alloc(8 + 2 + 36 + 4 + pictures.length * 16)
  list.write('MM\0*', 0, 'latin1')
  list.writeUInt32BE(8, 4)
  list.writeUInt16BE(3, 8)
  const entry = (at: number, tag: number, type: number, count: number) => {
    list.writeUInt16BE(tag, at)
    list.writeUInt16BE(type, at + 2)
    list.writeUInt32BE(count, at + 4)
  }
  entry(10, 0xb000, 7, 4)
  list.write('0100', 18, 'latin1')
  entry(22, 0xb001, 4, 1)
  list.writeUInt32BE(pictures.length, 30)
  entry(34, 0xb002, 7, pictures.length * 16)
  list.writeUInt32BE(50, 42)
  pictures.forEach(({ bytes, offset }, i) => {
    list.writeUInt32BE(i === 0 ? 0x2003_0000 : 0x0002_0000, 50 + i * 16)
    list.writeUInt32BE(bytes, 54 + i * 16)
    list.writeUInt32BE(offset, 58 + i * 16)
  })
  return Buffer.concat([Buffer.from('MPF\0'), list])
}

/** A picture followed by further ones, as cameras write it: each is in the list, and `gap` zeros precede it. */
export function multiPicture(first: Buffer, further: readonly Buffer[], gap = 0): Buffer {
  const listBytes = segment(0xe2, pictureList(Array(further.length + 1).fill({ bytes: 0, offset: 0 }))).length
  const listAt = 2 + 4 + 4
  const total = first.length + listBytes
  let at = total
  const places = further.map((picture) => {
    const offset = at + gap - listAt
    at += gap + picture.length
    return { bytes: picture.length, offset }
  })
  const whole = withSegments(first, segment(0xe2, pictureList([{ bytes: total, offset: 0 }, ...places])))
  return Buffer.concat([whole, ...further.flatMap((picture) => [Buffer.alloc(gap), picture])])
}

/** Samsung's trailer of named blocks. */
export function samsungTrailer(blocks: readonly { name: string; data: Buffer }[], kind = 0x0a01): Buffer {
  const parts = blocks.map(({ name, data }) => {
    const head = Buffer.alloc(8)
    head.writeUInt16LE(kind, 2)
    head.writeUInt32LE(name.length, 4)
    return Buffer.concat([head, Buffer.from(name), data])
  })
  let before = parts.reduce((sum, part) => sum + part.length, 0)
  const directory = Buffer.alloc(12 + parts.length * 12 + 8)
  directory.write('SEFH', 0, 'latin1')
  directory.writeUInt32LE(106, 4)
  directory.writeUInt32LE(parts.length, 8)
  parts.forEach((part, i) => {
    directory.writeUInt16LE(kind, 12 + i * 12 + 2)
    directory.writeUInt32LE(before, 12 + i * 12 + 4)
    directory.writeUInt32LE(part.length, 12 + i * 12 + 8)
    before -= part.length
  })
  directory.writeUInt32LE(directory.length - 8, directory.length - 8)
  directory.write('SEFT', directory.length - 4, 'latin1')
  return Buffer.concat([...parts, directory])
}

/** Canon's settings for developing a picture. */
export function canonData(bytes: number): Buffer {
  const name = Buffer.from('CANON OPTIONAL DATA\0')
  const head = Buffer.concat([name, Buffer.from([0, 1, 0, 0]), Buffer.alloc(4)])
  head.writeUInt32BE(bytes, 24)
  return Buffer.concat([head, Buffer.alloc(bytes, 0x21), name, Buffer.alloc(44)])
}
