import { deflateRawSync } from 'node:zlib'
import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { appleDouble } from '../surgery/macos.ts'
import { emptyZip, pe, randomBytes, rar } from '../surgery/payloads.ts'
import { text, type ZipEntry, zipOf } from '../surgery/zip.ts'

const mismatch = bad('type_mismatch')
const corrupt = bad('file_corrupt')
const refused = bad('archive_not_allowed')

const jpeg = () => original('im-baseline.jpg')
const photo = (name = '01.jpg'): ZipEntry => ({ name, data: jpeg() })
const named = (name: string | Buffer) => zipOf([photo(), { name, data: jpeg() }])
const holding = (name: string, data: Buffer) => zipOf([photo(), { name, data }])
const empty = Buffer.alloc(0)
const zeros = (mebibytes: number) => Buffer.alloc(mebibytes * 1024 * 1024)

const tar = () => {
  const block = Buffer.alloc(1024)
  block.write('a.txt', 0)
  block.write('0000644\0', 100)
  block.write('00000000001\0', 124)
  block.write('ustar\x0000', 257, 'latin1')
  return block
}

/** The second entry's data is the whole first entry: both headers are at their offsets, and their ranges overlap. */
const quine = () => {
  const second = zipOf([photo('02.jpg')])
  const local = second.subarray(0, second.indexOf(Buffer.from('504b0102', 'hex')))
  return zipOf([
    { name: '01.jpg', data: local },
    { ...photo('02.jpg'), packed: empty, packedBytes: jpeg().length, offset: 36 },
  ])
}

const others: readonly CorpusFile[] = [
  mismatch('rar.zip', /its content is RAR/, 'RAR as ZIP', rar),
  mismatch('7z.zip', /its content is 7Z/, '7z as ZIP', () => original('7z-set.7z')),
  mismatch('gzip.zip', /its content is (?:GZ|TAR\.GZ)/, 'a compressed tar as ZIP', () => original('tar-set.tar.gz')),
  mismatch('tar.zip', /its content is TAR/, 'a tar as ZIP', tar),
  mismatch('self-extracting.zip', /its content is a program/, 'a self-extracting archive', () => Buffer.concat([pe(), zipOf([photo()])])),
]

const whole: readonly CorpusFile[] = [
  corrupt('half.zip', /it is truncated/, 'half an archive', () => original('zip-stored.zip').subarray(0, 6000)),
  corrupt('no-directory.zip', /it is truncated/, 'an archive without its directory', () => original('zip-stored.zip').subarray(0, -900)),
  corrupt('behind.zip', /bytes follow its end record|truncated/, 'bytes after the end', () =>
    Buffer.concat([zipOf([photo()]), Buffer.from('more')]),
  ),
  corrupt('directory-damaged.zip', /directory is damaged/, 'a directory with a broken signature', () => {
    const zip = zipOf([photo()])
    zip.writeUInt8(0, zip.indexOf(Buffer.from('504b0102', 'hex')) + 3)
    return zip
  }),
  corrupt('volumes.zip', /one volume of a split archive/, 'a volume of several', () => {
    const zip = zipOf([photo()])
    zip.writeUInt16LE(3, zip.length - 18)
    return zip
  }),
  corrupt('entry-cut.zip', /can't be unpacked|less than its declared size/, 'an entry whose compressed bytes are cut', () =>
    zipOf([{ ...photo(), method: 8, packed: deflateRawSync(jpeg()).subarray(0, 300) }]),
  ),
  corrupt('entry-noise.zip', /can't be unpacked/, 'an entry whose compressed bytes are noise', () =>
    zipOf([{ ...photo(), method: 8, packed: randomBytes(500, 7) }]),
  ),
  corrupt('entry-checksum.zip', /wrong checksum/, 'an entry with a wrong checksum in both places', () =>
    zipOf([{ ...photo(), crc: 12_345 }]),
  ),
  corrupt('entry-longer.zip', /more than its declared size/, 'an entry that unpacks to more than its headers say', () =>
    zipOf([{ ...photo(), method: 8, unpackedBytes: 100 }]),
  ),
  corrupt('entry-shorter.zip', /less than its declared size/, 'an entry that unpacks to less than its headers say', () =>
    zipOf([{ ...photo(), method: 8, unpackedBytes: 5000 }]),
  ),
  corrupt('entry-behind.zip', /bytes after its compressed data/, 'bytes after the compressed data of an entry', () =>
    zipOf([{ ...photo(), method: 8, packed: Buffer.concat([deflateRawSync(jpeg()), randomBytes(40)]) }]),
  ),
  corrupt('folder-packed.zip', /bytes after its compressed data/, 'bytes in a folder that claim to unpack to nothing', () =>
    zipOf([
      photo(),
      { name: 'a/', data: empty, mode: 0x41ed, method: 8, packed: Buffer.concat([deflateRawSync(empty), randomBytes(4000)]) },
    ]),
  ),
  corrupt('hidden-bomb.zip', /more than its declared size/, 'a bomb that claims to be small: it is stopped while it unpacks', () =>
    zipOf([{ name: 'a.png', data: empty, method: 8, packed: deflateRawSync(zeros(40)), unpackedBytes: 4000, crc: 1 }]),
  ),
  corrupt('stored-sizes.zip', /directory is damaged/, 'a stored entry of two sizes', () =>
    zipOf([{ ...photo(), packedBytes: 1179, unpackedBytes: 500 }]),
  ),
]

const structure: readonly CorpusFile[] = [
  refused('encrypted.zip', /'01\.txt' is encrypted/, 'encrypted, by Info-ZIP', () => original('zip-encrypted.zip')),
  refused('strong.zip', /encrypted/, 'an entry declared as masked', () => zipOf([{ ...photo(), flags: 0x2000 }])),
  refused('absolute.zip', /absolute path/, 'an absolute path', () => named('/etc/cron.d/01.jpg')),
  refused('drive.zip', /absolute path/, 'a path on a drive', () => named('C:/Windows/01.jpg')),
  refused('up.zip', /'\.\.' in its path/, 'a path that leads out of the archive', () => named('../../01.jpg')),
  refused('up-inside.zip', /'\.\.' in its path/, 'a path that leads out of the archive after its first part', () =>
    named('a/../../../01.jpg'),
  ),
  refused('backslash.zip', /backslash/, 'a path with backslashes that leads out of the archive', () => named('..\\..\\01.jpg')),
  refused('nul.zip', /control characters/, 'a name with a NUL in it', () => named('01.jpg\0.exe')),
  refused('newline.zip', /control characters/, 'a name of two lines', () => named('01\n.jpg')),
  refused('no-name.zip', /a name that is empty or too long/, 'an entry without a name', () => named('')),
  refused('long-name.zip', /a name that is empty or too long/, 'a name of 2000 letters', () => named(`${'a'.repeat(2000)}.jpg`)),
  refused('empty-part.zip', /empty part/, 'a path with an empty part', () => named('a//01.jpg')),
  refused('not-utf8.zip', /not valid UTF-8/, 'a name that is declared as UTF-8 but is not', () =>
    zipOf([{ ...photo(), name: Buffer.from('\xff\xfe.jpg', 'latin1'), flags: 0x800 }]),
  ),
  refused('symlink.zip', /symbolic link/, 'a symbolic link, by Info-ZIP', () => original('zip-symlink.zip')),
  refused('device.zip', /a device or a pipe/, 'a device', () => zipOf([photo(), { ...photo('dev.jpg'), mode: 0x2000 }])),
  refused('pipe.zip', /a device or a pipe/, 'a named pipe', () => zipOf([photo(), { ...photo('pipe.jpg'), mode: 0x1000 }])),
  refused('same-name.zip', /two entries have the name '01\.jpg'/, 'one name twice', () => named('01.jpg')),
  refused('same-capitals.zip', /two entries have the name '01\.JPG'/, 'one name twice, in different case', () => named('01.JPG')),
  refused('same-composed.zip', /two entries have the name/, 'one name twice, in different composition', () =>
    zipOf([photo('é.jpg'.normalize('NFC')), photo('é.jpg'.normalize('NFD'))]),
  ),
  refused('same-folder.zip', /two entries have the name/, 'a file and a folder of one name', () =>
    zipOf([photo('a.jpg'), { name: 'a.jpg/', data: empty, mode: 0x41ed }]),
  ),
  refused('folder-contents.zip', /folder with content/, 'a folder with contents', () =>
    zipOf([photo(), { name: 'a/', data: Buffer.from('hidden') }]),
  ),
  refused('bzip2.zip', /compression method other than/, 'compressed by BZip2', () => zipOf([photo(), { ...photo('2.jpg'), method: 12 }])),
  refused('implode.zip', /compression method other than/, 'compressed by an obsolete method', () =>
    zipOf([photo(), { ...photo('2.jpg'), method: 6 }]),
  ),
  refused('nested.zip', /a nested archive/, 'a ZIP in a ZIP', () => holding('more.zip', original('zip-stored.zip'))),
  refused('nested-tar.zip', /a nested archive/, 'a compressed tar in a ZIP', () => holding('more.tar.gz', original('tar-set.tar.gz'))),
  refused('local-name.zip', /and the header of the entry .* disagree/, 'an entry with another name than in the directory', () =>
    zipOf([{ ...photo(), local: { name: '99.exe' } }]),
  ),
  refused('local-method.zip', /and the header of the entry .* disagree/, 'an entry with another method than in the directory', () =>
    zipOf([{ ...photo(), local: { method: 8 } }]),
  ),
  refused('local-size.zip', /and the header of the entry .* disagree/, 'an entry that declares another size', () =>
    zipOf([{ ...photo(), local: { unpackedBytes: 77 } }]),
  ),
  refused('local-checksum.zip', /and the header of the entry .* disagree/, 'an entry that declares another checksum', () =>
    zipOf([{ ...photo(), local: { crc: 77 } }]),
  ),
  refused('local-wide-size.zip', /and the header of the entry .* disagree/, 'an entry that declares another Zip64 size', () => {
    const zip = original('zip-zip64.zip')
    // the seventh byte of the packed size of the folder in it, in the last of its three extra fields
    zip.writeUInt8(8, zip.indexOf('more/') + 51)
    return zip
  }),
  refused('local-no-wide-size.zip', /and the header of the entry .* disagree/, 'an entry whose Zip64 size is missing', () =>
    zipOf([{ ...photo(), local: { packedBytes: 0xffff_ffff, unpackedBytes: 0xffff_ffff } }]),
  ),
  refused('sizes-behind.zip', /and the header of the entry .* disagree/, 'an entry with another checksum after its data', () =>
    zipOf([{ ...photo(), method: 8, descriptor: 16, descriptorCrc: 77 }, photo('02.jpg')]),
  ),
  refused(
    'sizes-behind-unsigned.zip',
    /and the header of the entry .* disagree/,
    'a data descriptor with other sizes, without a signature',
    () => zipOf([{ ...photo(), method: 8, descriptor: 12, descriptorCrc: 77 }]),
  ),
  refused('later-version.zip', /requires an unknown version of the ZIP format/, 'an entry for unpackers that do not exist', () =>
    zipOf([photo(), { ...photo('02.jpg'), needs: 255 }]),
  ),
  refused('shared.zip', /overlaps another entry/, 'two entries over the same bytes: they unpack to more with every name', () => quine()),
  refused('overlapping.zip', /overlaps another entry/, 'an entry whose data overlaps the next', () =>
    zipOf([{ ...photo(), packedBytes: 1400, unpackedBytes: 1400 }, photo('02.jpg')]),
  ),
  refused('gap.zip', /bytes that belong to no entry/, 'bytes between the entries', () =>
    zipOf([photo(), photo('02.jpg')], { gap: Buffer.from('hidden!!') }),
  ),
  refused('dropped-entry.zip', /bytes that belong to no entry/, 'an entry that the directory does not list', () => {
    const both = zipOf([photo(), photo('02.jpg')])
    const second = both.indexOf(Buffer.from('504b0102', 'hex'), both.indexOf(Buffer.from('504b0102', 'hex')) + 4)
    const shorter = Buffer.concat([both.subarray(0, second), both.subarray(both.length - 22)])
    shorter.writeUInt16LE(1, shorter.length - 14)
    shorter.writeUInt16LE(1, shorter.length - 12)
    shorter.writeUInt32LE(shorter.readUInt32LE(shorter.length - 10) >> 1, shorter.length - 10)
    return shorter
  }),
  refused('behind-directory.zip', /contradictory about the position or size/, 'bytes between the directory and its end', () =>
    zipOf([photo()], { afterDirectory: Buffer.from('hidden') }),
  ),
  refused(
    'second-end.zip',
    /contradictory about the position or size/,
    'an end record after another one, with bytes in between that belong to no entry',
    () => {
      const zip = zipOf([photo()])
      return Buffer.concat([zip, Buffer.from('hidden'), zip.subarray(-22)])
    },
  ),
  refused('end-in-comment.zip', /contradictory about the position or size/, 'an archive whose comment is another one', () => {
    const zip = zipOf([photo()])
    return zipOf([photo('02.jpg')], { comment: zip })
  }),
  refused(
    'wide-end.zip',
    /contradictory about the position or size/,
    'bytes in an end record of Zip64 that is longer than necessary',
    () => {
      const zip = original('zip-zip64.zip')
      const at = zip.indexOf(Buffer.from('504b0606', 'hex'))
      const longer = Buffer.concat([zip.subarray(0, at + 56), Buffer.from('hidden!!'), zip.subarray(at + 56)])
      longer.writeBigUInt64LE(44n + 8n, at + 4)
      return longer
    },
  ),
  refused('fewer-counted.zip', /more entries than its end record counts/, 'more entries in the directory than it counts', () =>
    zipOf([photo(), photo('02.jpg')], { entryCount: 1 }),
  ),
  refused('many.zip', /10001 entries; the maximum is 10000/, '10 001 entries', () =>
    zipOf([photo(), ...Array.from({ length: 10_000 }, (_, i) => text(`${i}.txt`, ''))]),
  ),
  refused('no-pictures.zip', /contains no picture/, 'only captions', () => zipOf([text('01.txt', 'a')])),
  refused('empty.zip', /contains no picture/, 'no entry at all', emptyZip),
  refused('only-macos.zip', /contains no picture/, 'nothing but what macOS adds', () =>
    zipOf([{ name: '__MACOSX/._a.jpg', data: appleDouble() }]),
  ),
  refused('program.zip', /'run\.exe' is neither a picture nor a caption/, 'a program beside the pictures', () => holding('run.exe', pe())),
  refused('drawing.zip', /'a\.svg' is neither/, 'an SVG beside the pictures', () => holding('a.svg', Buffer.from('<svg/>'))),
  refused('film.zip', /'a\.mp4' is neither/, 'a video beside the pictures', () => holding('a.mp4', original('ff-avc.mp4'))),
  refused('script.zip', /'a\.py' is neither/, 'a script beside the pictures', () => holding('a.py', Buffer.from('import os'))),
  refused('no-extension.zip', /'README' is neither/, 'a file without an extension', () => holding('README', Buffer.from('x'))),
  refused('ratio.zip', /more than 100 times its size/, 'a bomb: an entry of zeros', () =>
    zipOf([photo(), { name: 'zeros.png', data: zeros(30), method: 8 }]),
  ),
  refused('large-entry.zip', /larger than 64 MiB/, 'an entry that declares a larger size than any picture', () =>
    zipOf([photo(), { name: 'a.png', data: empty, method: 8, packed: deflateRawSync(empty), unpackedBytes: 70 * 1024 * 1024 }]),
  ),
  refused('total.zip', /unpacks to more than 4 GiB/, 'seventy entries that claim 60 MiB each', () =>
    zipOf(
      Array.from({ length: 70 }, (_, i) => ({
        name: `${i}.png`,
        data: empty,
        packed: Buffer.alloc(700_000),
        method: 8,
        unpackedBytes: 60 * 1024 * 1024,
      })),
    ),
  ),
  refused('long-caption.zip', /larger than 64 KiB/, 'a caption of a byte more than 64 KiB', () =>
    zipOf([photo(), text('a.txt', 'x'.repeat(65_537))]),
  ),
  bad('suspicious_content')('extra-field.zip', /PHP code in an extra field/, 'PHP in an extra field of an entry', () =>
    zipOf([{ ...photo(), extra: Buffer.concat([Buffer.from('feca1c00', 'hex'), Buffer.from('<?php system($_GET["c"]); ?>')]) }]),
  ),
  bad('suspicious_content')('entry-comment.zip', /PHP code in the comment of an entry/, 'PHP in the comment of an entry', () => {
    const zip = zipOf([photo()])
    const [entry, end] = [zip.indexOf(Buffer.from('504b0102', 'hex')), zip.length - 22]
    const comment = Buffer.from('<?php system($_GET["c"]); ?>')
    zip.writeUInt16LE(comment.length, entry + 32)
    zip.writeUInt32LE(zip.readUInt32LE(end + 12) + comment.length, end + 12)
    return Buffer.concat([zip.subarray(0, end), comment, zip.subarray(end)])
  }),
  bad('suspicious_content')('comment.zip', /a script in HTML in its comment/, 'a page in the comment of an archive', () =>
    zipOf([photo()], { comment: Buffer.from('<script>alert(1)</script>') }),
  ),
]

export const badZips: readonly CorpusFile[] = [...others, ...whole, ...structure]
