/** Trailers of cameras and editors (formats: see ExifTool's documentation of each). */

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A record of FotoStation. */
export function fotoStation(number: number, data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.from([0, number]), u32(data.length + 10), Buffer.from('a1b2c3d4', 'hex')])
}

/** IPTC data, padded as by Photo Mechanic. */
export function photoMechanic(): Buffer {
  const settings = Buffer.concat([Buffer.from('1c02dd0004000000011c02d8000400000002', 'hex'), Buffer.alloc(100)])
  return Buffer.concat([settings, u32(settings.length), Buffer.from('cbipcbbl')])
}

/**
 * AFCP data with these values.
 *
 * @param start the offset that the data declare; an editor that makes the picture longer does not update it
 * @param room bytes that belong to no entry
 */
export function afcp(values: readonly { name: string; data: Buffer }[], start = 0, room = 0): Buffer {
  const mark = Buffer.from('AXS!')
  const head = Buffer.concat([mark, Buffer.from([0, 1, 0, values.length]), u32(0)])
  let at = start + head.length + values.length * 12
  const directory = values.map(({ name, data }) => {
    const entry = Buffer.concat([Buffer.from(name), u32(data.length), u32(at)])
    at += data.length
    return entry
  })
  return Buffer.concat([head, ...directory, ...values.map(({ data }) => data), Buffer.alloc(room, 'room'), mark, u32(start), u32(0)])
}

/** Records of a panorama camera, each followed by its number and length; the last one contains the total length. */
export function insta360(records: readonly Buffer[]): Buffer {
  const parts = records.map((data, i) => {
    const foot = Buffer.alloc(6)
    foot.writeUInt16LE(0x101 + i, 0)
    foot.writeUInt32LE(data.length, 2)
    return Buffer.concat([data, foot])
  })
  const end = Buffer.alloc(40)
  const all = Buffer.concat(parts)
  end.writeUInt32LE(all.length - 6 + 78, 32)
  end.writeUInt32LE(3, 36)
  return Buffer.concat([all, end, Buffer.from('8db42d694ccc418790edff439fe026bf')])
}

/** ExifTool's container with a copyright. */
export function mie(copyright: string): Buffer {
  const text = Buffer.from(copyright)
  const element = Buffer.concat([Buffer.from([0x7e, 0x28, 9, text.length]), Buffer.from('Copyright'), text])
  const head = Buffer.concat([Buffer.from('7e1004fe', 'hex'), Buffer.from('0MIE'), Buffer.alloc(4), element])
  const foot = Buffer.from('7e0004007a6d69657e000006', 'hex')
  return Buffer.concat([head, foot, u32(head.length + foot.length + 6), Buffer.from([0x10, 4])])
}

/** The changes that Nikon's program for phones stores. */
export function nikonApp(xmp: string): Buffer {
  const head = Buffer.alloc(64)
  head.write('NIKON APP\0', 0, 'latin1')
  const record = Buffer.concat([u32(1), u32(xmp.length), Buffer.from(xmp), u32(0), u32(0)])
  return Buffer.concat([head, record, u32(head.length + record.length + 20), Buffer.from('\0\0\0\0\0\0/NIKON APP', 'latin1')])
}

/** The second directory that some Samsung phones write after the first. */
export const qdio = (): Buffer =>
  Buffer.concat([
    Buffer.from('QDIO'),
    Buffer.from('650000000100000014640000246400001400', 'hex'),
    Buffer.from('0000', 'hex'),
    Buffer.from('QDIOBS'),
  ])

/** Settings of Vivo phones, with their footer. */
export const vivo = (settings: string): Buffer =>
  Buffer.concat([
    Buffer.from(`vivo${settings}\0\0\x01"cameralbum!`, 'latin1'),
    Buffer.alloc(18),
    Buffer.from('ffffffff1b2a39485766758493a2b1', 'hex'),
  ])
