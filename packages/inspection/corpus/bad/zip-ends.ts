import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { text, unicodePath, type ZipEntry, zipOf } from '../surgery/zip.ts'

/** Archives in which other readers find other entries, or other names and kinds of entries, than we do. */

const corrupt = bad('file_corrupt')
const refused = bad('archive_not_allowed')

const jpeg = () => original('im-baseline.jpg')
const photo = (name = '01.jpg'): ZipEntry => ({ name, data: jpeg() })
const elsewhere = /contradictory about the position or size of its central directory/
const all = 0xffff_ffff

/** Two directories: the offset in the end record leads to one, and its size, from which Python counts back, to the other. */
const twoDirectories = () => {
  const seen = zipOf([photo()])
  const hidden = zipOf([text('../../evil.py', 'import os')])
  const start = seen.indexOf(Buffer.from('504b0102', 'hex'))
  const other = hidden.subarray(hidden.indexOf(Buffer.from('504b0102', 'hex')), -22)
  const end = Buffer.from(seen.subarray(-22))
  end.writeUInt32LE(other.length, 12)
  return Buffer.concat([seen.subarray(0, start), seen.subarray(start, -22), other, end])
}

/**
 * An entry in an extra field, which only readers find that count back from the end record by the directory's size. Its comment extends to the
 * directory that all others find.
 */
const hiddenEntry = () => {
  const name = '../../evil.py'
  const hidden = (commentBytes: number) => {
    const zip = zipOf([text(name, 'import os')])
    const start = zip.indexOf(Buffer.from('504b0102', 'hex'))
    const entry = Buffer.from(zip.subarray(start, start + 46 + name.length))
    entry.writeUInt16LE(commentBytes, 32)
    return field(0xd935, entry)
  }
  const withHidden = (commentBytes: number) => zipOf([{ ...photo(), extra: Buffer.alloc(0), localExtra: hidden(commentBytes) }])
  const [at, directory] = [46 + '01.jpg'.length - 12, withHidden(0).indexOf(Buffer.from('504b0102', 'hex'), 200)]
  const zip = withHidden(directory - at - 46 - name.length)
  zip.writeUInt32LE(zip.length - 22 - at, zip.length - 10)
  return zip
}

const ends: readonly CorpusFile[] = [
  refused('sizes-missing.zip', /'01\.jpg' declares a data descriptor but has none/, 'a data descriptor that is declared but missing', () =>
    zipOf([{ ...photo(), flags: 8 }, photo('02.jpg')]),
  ),
  refused('directory-hidden.zip', elsewhere, 'a size that leads Python to a program, and an offset that leads others to a picture', () =>
    hiddenEntry(),
  ),
  refused('directory-elsewhere.zip', elsewhere, 'a directory that points to itself beyond the end', () =>
    zipOf([photo()], { directoryStart: 0x00ff_ffff }),
  ),
  refused('directory-before.zip', elsewhere, 'a directory whose declared start is the first entry', () =>
    zipOf([photo()], { directoryStart: 0 }),
  ),
  refused('directory-longer.zip', elsewhere, 'a directory whose declared size is too large', () =>
    zipOf([photo()], { directoryBytes: 5000 }),
  ),
  refused(
    'directory-shorter.zip',
    elsewhere,
    'a directory whose declared size is too small: Python and Java then read another one',
    twoDirectories,
  ),
  refused('directory-none.zip', elsewhere, 'an end record that refers to a Zip64 record that does not exist', () =>
    zipOf([photo()], { directoryBytes: all, directoryStart: all }),
  ),
  refused('prefixed.zip', elsewhere, 'an archive with other bytes before it, which move all of its places', () =>
    Buffer.concat([zipOf([photo()]).subarray(0, 4), Buffer.from('hidden!!'), zipOf([photo()])]),
  ),
  refused('wide-start.zip', elsewhere, 'an end of 64 bits that names another place for the directory', () =>
    zipOf([photo()], { wide: { start: 0 } }),
  ),
  refused('wide-bytes.zip', elsewhere, 'an end of 64 bits that names another size for the directory', () =>
    zipOf([photo()], { wide: { bytes: 46 } }),
  ),
  refused('wide-count.zip', elsewhere, 'an end of 64 bits that counts other entries than the one of 32', () =>
    zipOf([photo(), photo('02.jpg')], { wide: { count: 1 } }),
  ),
  refused(
    'short-start.zip',
    elsewhere,
    'an end of 32 bits that names another place than the one of 64, which readers without 64 go by',
    () => zipOf([photo()], { wide: {}, directoryStart: 0 }),
  ),
  refused('short-bytes.zip', elsewhere, 'an end of 32 bits that names another size than the one of 64', () =>
    zipOf([photo()], { wide: {}, directoryBytes: 46 }),
  ),
  refused('wide-elsewhere.zip', elsewhere, 'a Zip64 end record at another offset than in its locator', () =>
    zipOf([photo()], { wide: { at: 0 } }),
  ),
  refused('more-counted.zip', elsewhere, 'fewer entries than the end of 64 bits counts', () =>
    zipOf([photo()], { wide: { count: 2 }, entryCount: 2, directoryBytes: 46 }),
  ),
  corrupt('counted-beyond.zip', /directory is damaged/, 'fewer entries in the directory than it counts', () =>
    zipOf([photo()], { entryCount: 2 }),
  ),
  corrupt('entry-volume.zip', /one volume of a split archive/, 'an entry in another volume', () => {
    const zip = zipOf([photo()])
    zip.writeUInt16LE(3, zip.indexOf(Buffer.from('504b0102', 'hex')) + 34)
    return zip
  }),
]

const asi = (mode: number, target: string): Buffer => {
  const data = Buffer.alloc(14)
  data.writeUInt16LE(mode, 4)
  data.writeUInt32LE(target.length, 6)
  return field(0x756e, Buffer.concat([data, Buffer.from(target)]))
}
const field = (id: number, data: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(data.length, 2)
  return Buffer.concat([head, data])
}
const madeOnDos = (mode: number, name = '02.jpg') => zipOf([photo(), { ...photo(name), mode, madeOn: 0 }])

const kinds: readonly CorpusFile[] = [
  refused('dos-symlink.zip', /'02\.jpg' is a symbolic link/, 'a link that claims to be made on DOS', () => madeOnDos(0xa1ff)),
  refused('ntfs-symlink.zip', /is a symbolic link/, 'a link that claims to be made on Windows', () =>
    zipOf([photo(), { ...photo('02.jpg'), mode: 0xa1ff, madeOn: 10 }]),
  ),
  refused('unknown-symlink.zip', /is a symbolic link/, 'a link of an unknown system', () =>
    zipOf([photo(), { ...photo('02.jpg'), mode: 0xa1ff, madeOn: 200 }]),
  ),
  refused('reparse-point.zip', /is a symbolic link/, "Windows' own kind of link", () =>
    zipOf([photo(), { ...photo('02.jpg'), mode: 0, madeOn: 10, dosAttributes: 0x400 }]),
  ),
  refused('dos-device.zip', /a device or a pipe/, 'a device that claims to be made on DOS', () => madeOnDos(0x6000)),
  refused('dos-attribute-device.zip', /a device or a pipe/, 'a device by its attributes', () =>
    zipOf([photo(), { ...photo('02.jpg'), mode: 0, madeOn: 0, dosAttributes: 0x40 }]),
  ),
  refused('dos-pipe.zip', /a device or a pipe/, 'a pipe that claims to be made on DOS', () => madeOnDos(0x1000)),
  refused('socket.zip', /a device or a pipe/, 'a socket', () => madeOnDos(0xc000)),
  refused('folder-mode.zip', /is a folder, but its name does not end with '\/'/, 'a folder by its mode that has contents', () =>
    madeOnDos(0x41ed),
  ),
  refused('folder-attribute.zip', /is a folder, but its name does not end with '\/'/, 'a folder by its attributes that has contents', () =>
    zipOf([photo(), { ...photo('02.jpg'), mode: 0, madeOn: 0, dosAttributes: 0x10 }]),
  ),
  refused('asi-link.zip', /a link according to one of its extra fields/, 'a link by the extra field of ASi', () =>
    zipOf([photo(), { ...photo('02.jpg'), extra: asi(0xa1ff, '/etc/passwd') }]),
  ),
  refused('pkware-link.zip', /a link according to one of its extra fields/, "a link by PKWARE's extra field for Unix", () =>
    zipOf([photo(), { ...photo('02.jpg'), extra: field(0x000d, Buffer.concat([Buffer.alloc(12), Buffer.from('/etc/passwd')])) }]),
  ),
  refused('streamed-link.zip', /a link according to one of its extra fields/, "a link by the field that libarchive's streams have", () =>
    zipOf([{ ...photo(), extra: Buffer.alloc(0), localExtra: field(0x6c78, Buffer.from('040000ffa1', 'hex')) }]),
  ),
]

const second = (name: string, raw = '02.jpg', checksum?: number) =>
  zipOf([photo(), { ...photo(raw), extra: unicodePath(raw, name, checksum) }])

const names: readonly CorpusFile[] = [
  refused('second-name-up.zip', /'\.\.' in its path/, 'a second name that leads out', () => second('../../evil.jpg')),
  refused('second-name-program.zip', /two names that imply different kinds/, 'a second name of a program', () => second('evil.py')),
  refused('second-name-caption.zip', /two names that imply different kinds/, 'a picture that is also called a caption', () =>
    second('02.txt'),
  ),
  refused('second-name-same.zip', /two entries have the name '01\.jpg'/, 'a second name that another entry has', () => second('01.jpg')),
  refused('second-name-stale.zip', /'\.\.' in its path/, 'a second name with the checksum of an earlier name, which leads out', () =>
    second('../03.jpg', '02.jpg', 77),
  ),
  refused('second-name-twice.zip', /is ambiguous/, 'two second names', () =>
    zipOf([{ ...photo(), extra: Buffer.concat([unicodePath('01.jpg', '01.jpg'), unicodePath('01.jpg', '02.jpg')]) }]),
  ),
  refused('second-name-local.zip', /and the header of the entry .* disagree/, "a second name in the entry's own header alone", () =>
    zipOf([{ ...photo(), extra: Buffer.alloc(0), localExtra: unicodePath('01.jpg', 'evil.jpg') }]),
  ),
]

export const badZipEnds: readonly CorpusFile[] = [...ends, ...kinds, ...names]
