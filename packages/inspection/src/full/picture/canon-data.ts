/** Canon's recipe for developing a picture begins and ends with this name; both say the length of what is between (ExifTool's CanonVRD.pm). */
const name = 'CANON OPTIONAL DATA\0'
const headBytes = 28
const footBytes = 64

/** @returns the first byte behind Canon's data, or null when there is none */
export function canonDataEnd(bytes: Buffer, at: number): number | null {
  if (at + headBytes > bytes.length || bytes.toString('latin1', at, at + name.length) !== name) return null
  const foot = at + headBytes + bytes.readUInt32BE(at + 24)
  if (foot + footBytes > bytes.length || bytes.toString('latin1', foot, foot + name.length) !== name) return null
  return foot + footBytes
}
