const mark = Buffer.from('ffffffff1b2a39485766758493a2b1', 'hex')
const opening = 'vivo{"'
const maxSettingsBytes = 64 * 1024
/** A count, the name of the camera program, numbers and the mark. */
const maxFootBytes = 256

/** Settings in JSON that phones of Vivo write, from a word of their own on, then a foot that ends in a mark (as ExifTool 13 documents it). */
export function vivoTrailerStart(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < mark.length || !bytes.subarray(end - mark.length, end).equals(mark)) return null
  const start = bytes.subarray(0, end).lastIndexOf(opening, undefined, 'latin1')
  if (start < from || end - start > maxSettingsBytes) return null
  const settingsEnd = bytes.subarray(0, end).indexOf('}\0', start, 'latin1') + 1
  return settingsEnd > start && end - settingsEnd <= maxFootBytes && isJson(bytes.subarray(start + 4, settingsEnd)) ? start : null
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString())
    return true
  } catch {
    return false
  }
}
