const headerBytes = 128
const tagBytes = 12

/** An ICC profile of two tags: a description, and a colour table of type `mft2` with the given numbers. */
export function colourProfile(space: 'RGB ' | 'CMYK', numbers: Buffer): Buffer {
  const words = Buffer.from('desc\0\0\0\0\0\0\0\x0bCMYK paper\0', 'latin1')
  const table = Buffer.concat([Buffer.from('mft2\0\0\0\0', 'latin1'), numbers])
  const start = headerBytes + 4 + 2 * tagBytes
  const head = Buffer.alloc(start)
  head.writeUInt32BE(start + words.length + table.length, 0)
  head.write('lcms\x04\x20\0\0prtr', 4, 'latin1')
  head.write(`${space}Lab `, 16, 'latin1')
  head.write('acsp', 36, 'latin1')
  head.writeUInt32BE(2, headerBytes)
  const tag = (index: number, name: string, offset: number, size: number) => {
    const at = headerBytes + 4 + index * tagBytes
    head.write(name, at, 'latin1')
    head.writeUInt32BE(offset, at + 4)
    head.writeUInt32BE(size, at + 8)
  }
  tag(0, 'desc', start, words.length)
  tag(1, 'A2B0', start + words.length, table.length)
  return Buffer.concat([head, words, table])
}

/** Numbers of a smooth table in the range of letters, some of which read as the beginning of code; and the same with 16 bits each. */
export function anyLetters(): Buffer {
  const letters =
    '0123456789:;<%=aZ<% b.c(<?=abcdefghijklmnop<% x y %>@ABCDEFGHIJKLMNOPQRSTUVWXYZ[^_`abcdefghijkl<a bcd/onabc=d(efg>mnopqrstuvwxyz'
  return Buffer.concat([Buffer.from(letters), Buffer.from(letters, 'utf16le')])
}
