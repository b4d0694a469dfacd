import { bad, type CorpusFile, original } from '../corpus-file.ts'
import {
  edited,
  multiPicture,
  patched,
  putTogether,
  samsungTrailer,
  segment,
  takeApart,
  withSegments,
  xmp,
  xmpPacket,
} from '../surgery/jpeg.ts'
import { elf, emptyZip, html, pdf, pe, php, randomBytes, rar, shell } from '../surgery/payloads.ts'

const photo = () => original('im-baseline.jpg')
const progressive = () => original('turbo-progressive.jpg')
const corrupt = bad('file_corrupt')
const trailing = bad('trailing_data')
const cut = (bytes: Buffer, missing: number) => bytes.subarray(0, bytes.length - missing)
const without = (marker: number) => edited(photo(), (each) => (each.marker === marker ? null : each))
const scanStart = (bytes: Buffer) => bytes.indexOf(Buffer.from([0xff, 0xda]))
const end = Buffer.from([0xff, 0xd9])

/** The offsets of the scans of a progressive picture. */
const scanStarts = (bytes: Buffer): number[] => {
  const starts: number[] = []
  for (let at = bytes.indexOf(Buffer.from([0xff, 0xda])); at >= 0; at = bytes.indexOf(Buffer.from([0xff, 0xda]), at + 2)) starts.push(at)
  return starts
}
const scansFrom = (index: number) => scanStarts(progressive())[index] ?? 0
/** The picture with its first `before` scans, then those from `after` on. */
const scansTakenFrom = (before: number, after: number) =>
  Buffer.concat([progressive().subarray(0, scansFrom(before)), progressive().subarray(scansFrom(after))])

const inScan = (bytes: Buffer, patch: (scan: Buffer) => Buffer) => {
  const at = scanStart(bytes) + 2 + bytes.readUInt16BE(scanStart(bytes) + 2)
  return Buffer.concat([bytes.subarray(0, at), patch(Buffer.from(bytes.subarray(at, -2))), end])
}

const cutShort: readonly CorpusFile[] = [
  corrupt('no-end.jpg', /is truncated/, 'the end marker is missing', () => cut(photo(), 2)),
  corrupt('half-an-end.jpg', /is truncated/, 'half of the end marker is missing', () => cut(photo(), 1)),
  corrupt('half.jpg', /is truncated/, 'half a baseline picture', () => cut(photo(), 200)),
  corrupt('half-progressive.jpg', /is truncated/, 'half a progressive picture', () => progressive().subarray(0, progressive().length >> 1)),
  corrupt('half-and-end.jpg', /./, 'half a baseline picture with an end marker: pixels are missing', () =>
    Buffer.concat([photo().subarray(0, scanStart(photo()) + 60), end]),
  ),
  corrupt('first-scan-only.jpg', /scans are missing/, 'the first scan of a progressive picture, with an end marker', () =>
    Buffer.concat([progressive().subarray(0, scansFrom(1)), end]),
  ),
  corrupt('last-scan-missing.jpg', /scans are missing/, 'all but the last scan of a progressive picture, with an end marker', () =>
    Buffer.concat([progressive().subarray(0, scansFrom(scanStarts(progressive()).length - 1)), end]),
  ),
  corrupt('one-scan-of-three.jpg', /scans are missing/, 'a baseline picture with one colour component only', () => {
    const bytes = original('turbo-separate-scans.jpg')
    return Buffer.concat([bytes.subarray(0, scanStarts(bytes)[1]), end])
  }),
  corrupt('headers-only.jpg', /is truncated/, 'everything up to the pixels', () => photo().subarray(0, scanStart(photo()))),
  corrupt('begin-and-end.jpg', /contains no picture/, 'only a start marker and an end marker', () =>
    Buffer.concat([photo().subarray(0, 2), segment(0xe0, 'JFIF\0\x01\x01'), end]),
  ),
  corrupt('magic-only.jpg', /is truncated/, 'only the three bytes that identify a JPEG', () => Buffer.from('ffd8ffe0', 'hex')),
  corrupt('words-behind-magic.jpg', /./, 'the first bytes of a JPEG and then a text', () =>
    Buffer.concat([photo().subarray(0, 4), Buffer.from('Dear all, this is no picture. '.repeat(20))]),
  ),
]

const structure: readonly CorpusFile[] = [
  corrupt('no-frame.jpg', /precede its frame header/, 'no frame header', () => without(0xc0)),
  corrupt('two-frames.jpg', /two frame headers/, 'two frame headers', () =>
    edited(photo(), (each) => (each.marker === 0xc0 ? [each, each] : each)),
  ),
  corrupt('no-quantization.jpg', /its (?:pixels|header)/, 'no quantization tables', () => without(0xdb)),
  corrupt('no-width.jpg', /declares 0 × 48 pixels/, 'no width', () => patched(photo(), 0xc0, (body) => body.writeUInt16BE(0, 3))),
  corrupt('no-height.jpg', /declares 64 × 0 pixels/, 'no height: it would follow the pixels, where decoders do not read it', () =>
    patched(photo(), 0xc0, (body) => body.writeUInt16BE(0, 1)),
  ),
  corrupt('12-bits.jpg', /12 bits per sample/, 'twelve bits per sample', () => patched(photo(), 0xc0, (body) => body.writeUInt8(12, 0))),
  corrupt('two-components.jpg', /2 colour components/, 'two colour components', () =>
    edited(photo(), (each) =>
      each.marker === 0xc0
        ? { marker: 0xc0, body: Buffer.concat([each.body.subarray(0, 5), Buffer.from([2]), each.body.subarray(6, 12)]) }
        : each,
    ),
  ),
  corrupt('same-components.jpg', /names an unknown colour component/, 'two components of one id, and a scan of a third', () =>
    patched(photo(), 0xc0, (body) => body.writeUInt8(1, 9)),
  ),
  corrupt('sampling.jpg', /frame header is malformed/, 'a sampling factor of 0', () =>
    patched(photo(), 0xc0, (body) => body.writeUInt8(0, 7)),
  ),
  corrupt('short-frame.jpg', /frame header is malformed/, 'a truncated frame header', () =>
    edited(photo(), (each) => (each.marker === 0xc0 ? { ...each, body: each.body.subarray(0, 9) } : each)),
  ),
  corrupt('arithmetic.jpg', /arithmetic coding/, 'arithmetic coding, as cjpeg makes it: not supported by browsers', () =>
    original('turbo-arithmetic.jpg'),
  ),
  corrupt('lossless.jpg', /lossless coding/, 'lossless coding', () =>
    edited(photo(), (each) => (each.marker === 0xc0 ? { ...each, marker: 0xc3 } : each)),
  ),
  corrupt('hierarchical.jpg', /differential coding/, 'hierarchical coding', () =>
    edited(photo(), (each) => (each.marker === 0xc0 ? { ...each, marker: 0xc5 } : each)),
  ),
  corrupt('said-progressive.jpg', /scan/, 'a baseline picture declared as progressive', () =>
    edited(photo(), (each) => (each.marker === 0xc0 ? { ...each, marker: 0xc2 } : each)),
  ),
  corrupt('segment-of-0.jpg', /invalid length/, 'a segment of length 0, which never ends', () =>
    withSegments(photo(), Buffer.from('ffe50000', 'hex')),
  ),
  corrupt('segment-of-1.jpg', /invalid length/, 'a segment of length 1', () => withSegments(photo(), Buffer.from('fffe000141', 'hex'))),
  corrupt('segment-too-long.jpg', /is truncated|stray bytes|misplaced/, 'a segment longer than the file', () =>
    withSegments(photo(), Buffer.from('ffe5fff0', 'hex')),
  ),
  corrupt('stray-bytes.jpg', /stray bytes at byte 20/, 'bytes between segments that belong to none', () =>
    Buffer.concat([photo().subarray(0, 20), Buffer.from('hello, more than nothing'), photo().subarray(20)]),
  ),
  corrupt('second-begin.jpg', /misplaced marker/, 'a second start marker among the segments', () =>
    withSegments(photo(), Buffer.from('ffd8', 'hex')),
  ),
  corrupt('restart-in-headers.jpg', /misplaced marker/, 'a restart among the segments', () =>
    withSegments(photo(), Buffer.from('ffd0', 'hex')),
  ),
  corrupt('reserved-marker.jpg', /misplaced marker/, 'a reserved marker', () => withSegments(photo(), Buffer.from('ff020002', 'hex'))),
  corrupt('restart-unannounced.jpg', /restart marker out of order/, 'a restart without a declared interval', () =>
    inScan(photo(), (scan) => Buffer.concat([scan.subarray(0, 100), Buffer.from('ffd0', 'hex'), scan.subarray(100)])),
  ),
  corrupt('restart-skipped.jpg', /restart marker out of order/, 'a restart is missing', () => {
    const bytes = original('turbo-restart.jpg')
    const at = bytes.indexOf(Buffer.from([0xff, 0xd0]))
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(bytes.indexOf(Buffer.from([0xff, 0xd1])))])
  }),
  corrupt('quantization.jpg', /quantization table is malformed/, 'a truncated quantization table', () =>
    edited(photo(), (each) => (each.marker === 0xdb ? { ...each, body: each.body.subarray(0, 40) } : each)),
  ),
  corrupt('quantization-id.jpg', /quantization table is malformed/, 'a fifth quantization table', () =>
    patched(photo(), 0xdb, (body) => body.writeUInt8(4, 0)),
  ),
  corrupt('huffman.jpg', /Huffman table is malformed/, 'a Huffman table with more codes than it lists', () =>
    patched(photo(), 0xc4, (body) => body.writeUInt8(200, 5)),
  ),
  corrupt('huffman-short.jpg', /Huffman table is malformed/, 'a Huffman segment of three bytes', () =>
    withSegments(photo(), segment(0xc4, 'abc')),
  ),
  corrupt('many-strays.jpg', /stray bytes/, 'a few stray bytes between all segments, more in total than allowed', () => {
    const { segments, rest } = takeApart(photo())
    const apart = segments.flatMap(({ marker, body }) => [segment(marker, body), Buffer.from('stray')])
    return Buffer.concat([Buffer.from('ffd8', 'hex'), ...apart, rest])
  }),
  corrupt('restart-interval.jpg', /restart interval is malformed/, 'a restart interval of three bytes', () =>
    withSegments(photo(), segment(0xdd, 'abc')),
  ),
  corrupt('unknown-component.jpg', /names an unknown colour component/, 'a scan of a colour component that is missing', () => {
    const bytes = Buffer.from(photo())
    bytes.writeUInt8(9, scanStart(bytes) + 5)
    return bytes
  }),
  corrupt('scan-header.jpg', /scan header is malformed/, 'a scan of five components', () => {
    const bytes = Buffer.from(photo())
    bytes.writeUInt8(5, scanStart(bytes) + 4)
    return bytes
  }),
  corrupt('scan-twice.jpg', /a scan twice/, 'a baseline scan twice', () => {
    const { segments, rest } = takeApart(photo())
    return putTogether({ segments, rest: Buffer.concat([rest.subarray(0, -2), rest]) })
  }),
  corrupt('scans-out-of-order.jpg', /scans are inconsistent/, 'a progressive picture refined before its first scan', () =>
    scansTakenFrom(0, 6),
  ),
  corrupt('scan-skipped.jpg', /scans are (?:inconsistent|missing)/, 'a progressive picture without its second scan', () =>
    scansTakenFrom(1, 2),
  ),
  corrupt('scan-bomb.jpg', /more than 100 scans/, 'a scan for each coefficient of each colour: minutes of decoding for a few KiB', () => {
    const scans = [1, 2, 3].flatMap((component) =>
      Array.from({ length: 63 }, (_, k) => Buffer.from([0xff, 0xda, 0, 8, 1, component, 0, k + 1, k + 1, 0, 0])),
    )
    return Buffer.concat([progressive().subarray(0, scansFrom(1)), ...scans, end])
  }),
]

const pixels: readonly CorpusFile[] = [
  trailing('junk-before-restart.jpg', /bytes follow its pixels/, 'bytes between the pixels and a restart', () => {
    const bytes = original('turbo-restart.jpg')
    const at = bytes.indexOf(Buffer.from([0xff, 0xd0]))
    return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(40, 0x55), bytes.subarray(at)])
  }),
  corrupt('junk-progressive.jpg', /./, 'bytes between the last scan of a progressive picture and its end marker', () =>
    Buffer.concat([progressive().subarray(0, -2), Buffer.alloc(300, 0x55), end]),
  ),
  corrupt('junk-between-scans.jpg', /./, 'bytes between the scans of a progressive picture', () =>
    Buffer.concat([progressive().subarray(0, scansFrom(2)), Buffer.alloc(300, 0x55), progressive().subarray(scansFrom(2))]),
  ),
  corrupt('huffman-missing.jpg', /Huffman table is missing/, 'no Huffman tables', () => without(0xc4)),
  trailing('junk-before-end.jpg', /300 bytes follow its pixels/, 'bytes between the last pixel and the end marker', () =>
    inScan(photo(), (scan) => Buffer.concat([scan, Buffer.alloc(300, 0x55)])),
  ),
  corrupt('scan-overwritten.jpg', /./, 'pixels overwritten with noise', () =>
    inScan(photo(), (scan) =>
      Buffer.concat([scan.subarray(0, 40), Buffer.from(randomBytes(scan.length - 40, 4).map((byte) => (byte === 0xff ? 0 : byte)))]),
    ),
  ),
  corrupt('scan-shortened.jpg', /./, 'a hundred bytes cut out of the pixels', () =>
    inScan(photo(), (scan) => Buffer.concat([scan.subarray(0, 60), scan.subarray(160)])),
  ),
  corrupt('more-rows.jpg', /./, 'a header that declares twice as many rows', () =>
    patched(photo(), 0xc0, (body) => body.writeUInt16BE(96, 1)),
  ),
  bad('too_many_pixels')(
    'bomb.jpg',
    /4290\.3 megapixels in all its frames; the maximum is 100/,
    'a bomb: a header that declares 65 500 × 65 500 pixels',
    () => patched(photo(), 0xc0, (body) => body.writeUInt32BE(((65_500 << 16) | 65_500) >>> 0, 1)),
  ),
]

const behind = (bytes: Buffer) => Buffer.concat([photo(), bytes])

const trailers: readonly CorpusFile[] = [
  trailing('zip.jpg', /other content at byte \d+: ZIP/, 'a ZIP archive after its end', () => behind(original('zip-deflated.zip'))),
  trailing('zip-behind-zeros.jpg', /other content at byte \d+: ZIP/, 'a ZIP archive after padding', () =>
    behind(Buffer.concat([Buffer.alloc(4096), original('zip-stored.zip')])),
  ),
  trailing('empty-zip.jpg', /other content/, 'the end of an empty ZIP after its end', () => behind(emptyZip())),
  trailing('rar.jpg', /other content at byte \d+: RAR/, 'a RAR archive after its end', () => behind(rar())),
  trailing('7z.jpg', /other content at byte \d+: 7Z/, 'a 7z archive after its end', () => behind(original('7z-set.7z'))),
  trailing('gzip.jpg', /other content at byte \d+: (?:GZ|TAR\.GZ)/, 'a compressed tar after its end', () =>
    behind(original('tar-set.tar.gz')),
  ),
  trailing('linux-program.jpg', /other content at byte \d+: a program/, 'an ELF program after its end', () => behind(elf())),
  trailing('windows-program.jpg', /other content at byte \d+: a program/, 'a PE program after its end', () => behind(pe())),
  trailing('pdf.jpg', /other content at byte \d+: PDF/, 'a PDF after its end', () => behind(pdf())),
  trailing('page.jpg', /other content at byte \d+: HTML/, 'a page after its end', () => behind(html())),
  trailing('php.jpg', /other content at byte \d+: plain text/, 'PHP after its end', () => behind(php())),
  trailing('shell.jpg', /other content at byte \d+: a script/, 'a shell script after its end', () => behind(shell())),
  trailing('words.jpg', /other content at byte \d+: plain text/, 'a text after its end', () => behind(Buffer.from('\nMeet me at noon.\n'))),
  trailing('noise.jpg', /of an unknown format/, 'noise after its end, like hidden data', () => behind(randomBytes(5000, 9))),
  trailing('second-jpeg.jpg', /other content at byte \d+: JPEG/, 'a second JPEG that is not listed', () => behind(original('im-grey.jpg'))),
  trailing('second-png.jpg', /other content at byte \d+: PNG/, 'a PNG after its end', () => behind(original('im-rgb.png'))),
  trailing('film.jpg', /other content at byte \d+: MP4/, 'a video that nothing declares', () => behind(original('ff-avc.mp4'))),
  trailing('not-the-film.jpg', /other content at byte \d+: ZIP/, 'a motion photo whose video is an archive', () =>
    Buffer.concat([withSegments(photo(), xmp(xmpPacket('GCamera:MotionPhoto="1"'))), original('zip-stored.zip')]),
  ),
  trailing('half-the-film.jpg', /other content at byte \d+: MP4/, 'a motion photo whose video is cut off', () =>
    Buffer.concat([withSegments(photo(), xmp(xmpPacket('GCamera:MotionPhoto="1"'))), original('ff-avc.mp4').subarray(0, 3000)]),
  ),
  trailing('behind-the-film.jpg', /other content at byte \d+: ZIP/, 'an archive after the video of a motion photo', () =>
    Buffer.concat([withSegments(photo(), xmp(xmpPacket('GCamera:MotionPhoto="1"'))), original('ff-avc.mp4'), original('zip-stored.zip')]),
  ),
  trailing('behind-the-list.jpg', /other content at byte \d+: JPEG/, 'one picture more than the list names', () =>
    Buffer.concat([multiPicture(photo(), [original('im-444.jpg')]), original('im-grey.jpg')]),
  ),
  trailing('list-points-elsewhere.jpg', /other content at byte \d+: JPEG/, 'a list of pictures that names another place', () => {
    const whole = multiPicture(photo(), [original('im-444.jpg')], 512)
    const first = whole.length - original('im-444.jpg').length - 512
    return Buffer.concat([whole.subarray(0, first), original('im-444.jpg')])
  }),
  corrupt('second-picture-cut.jpg', /is truncated/, 'the second picture of a list is cut off', () =>
    cut(multiPicture(photo(), [original('im-444.jpg')]), 100),
  ),
  trailing('samsung-gap.jpg', /other content/, "bytes in Samsung's trailer that belong to no block", () =>
    behind(Buffer.concat([Buffer.from('hidden'), samsungTrailer([{ name: 'Image_UTC_Data', data: Buffer.from('1') }])])),
  ),
  trailing('samsung-false.jpg', /other content/, "the end of Samsung's trailer without its directory", () =>
    behind(Buffer.concat([randomBytes(200), Buffer.from('\x10\0\0\0SEFT', 'latin1')])),
  ),
  trailing('samsung-not-the-film.jpg', /other content/, "a video in Samsung's trailer that is not valid", () =>
    behind(samsungTrailer([{ name: 'MotionPhoto_Data', data: randomBytes(500) }])),
  ),
  trailing('canon-false.jpg', /other content/, "Canon's name and not its length", () =>
    behind(Buffer.concat([Buffer.from('CANON OPTIONAL DATA\0'), randomBytes(60)])),
  ),
  trailing('one-byte.jpg', /other content/, 'a single byte after its end', () => behind(Buffer.from('A'))),
  trailing('ones-and-more.jpg', /unknown format/, 'erased memory after its end, and then a text', () =>
    behind(Buffer.concat([Buffer.alloc(100, 0xff), Buffer.from('and a text')])),
  ),
]

export const badJpegs: readonly CorpusFile[] = [...cutShort, ...structure, ...pixels, ...trailers]
