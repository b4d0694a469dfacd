/** Checks of file headers, for signatures that are too short to be reliable: they occur in pixels by chance. */

const peOffset = 0x3c

/** An MZ header with the offset of a PE header. */
export function isExecutable(bytes: Buffer, at: number): boolean {
  if (at + peOffset + 4 > bytes.length) return false
  const pe = at + bytes.readUInt32LE(at + peOffset)
  return pe + 4 <= bytes.length && pe >= at + peOffset + 4 && bytes.toString('latin1', pe, pe + 4) === 'PE\0\0'
}

/** Mach-O CPU types without the 64-bit flag: x86, ARM, PowerPC. */
const processors: readonly number[] = [7, 12, 18]
const maxFileType = 12

export function isMachO(bytes: Buffer, at: number): boolean {
  if (at + 16 > bytes.length) return false
  const little = bytes[at] !== 0xfe
  const word = (index: number) => (little ? bytes.readUInt32LE(at + index * 4) : bytes.readUInt32BE(at + index * 4))
  return processors.includes(word(1) & 0x00ff_ffff) && word(3) >= 1 && word(3) <= maxFileType
}

/** A ZIP end record of one disk, whose central directory would fit before it. */
export function isZipEnd(bytes: Buffer, at: number): boolean {
  if (at + 22 > bytes.length || bytes.readUInt32LE(at + 4) !== 0) return false
  const [onDisk, inAll] = [bytes.readUInt16LE(at + 8), bytes.readUInt16LE(at + 10)]
  const [directoryBytes, commentBytes] = [bytes.readUInt32LE(at + 12), bytes.readUInt16LE(at + 20)]
  return onDisk === inAll && directoryBytes <= at && at + 22 + commentBytes <= bytes.length + 0xffff
}

const methods: readonly number[] = [0, 8, 9, 12, 14, 93, 95, 99]

/** A ZIP local header with a plausible version, method and name. */
export function isZipEntry(bytes: Buffer, at: number): boolean {
  if (at + 31 > bytes.length) return false
  const [version, flags, method] = [bytes.readUInt16LE(at + 4) & 0xff, bytes.readUInt16LE(at + 6), bytes.readUInt16LE(at + 8)]
  const nameBytes = bytes.readUInt16LE(at + 26)
  const name = bytes.toString('latin1', at + 30, at + 30 + Math.min(nameBytes, 8))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names do not contain them
  return version <= 63 && (flags & 0xe000) === 0 && methods.includes(method) && nameBytes > 0 && nameBytes < 1024 && !/[\0-\x1f]/.test(name)
}
