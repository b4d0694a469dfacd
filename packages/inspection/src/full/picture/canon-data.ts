/** Canon's recipe for developing a picture begins and ends with this name; both say the length of what is between (ExifTool's CanonVRD.pm). */
const name = 'CANON OPTIONAL DATA\0'
const headBytes = 28
const footBytes = 64

/** @returns where Canon's data begin that end at `end`, or null when there are none */
export function canonDataStart(bytes: Buffer, from: number, end: number): number | null {
  const foot = end - footBytes
  if (foot - from < headBytes || bytes.toString('latin1', foot, foot + name.length) !== name) return null
  const head = bytes.lastIndexOf(name, foot - headBytes, 'latin1')
  return head >= from && head + headBytes + bytes.readUInt32BE(head + 24) === foot ? head : null
}
