import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { box, boxesOf, edited, patched, resized, without } from '../surgery/mp4.ts'
import { randomBytes } from '../surgery/payloads.ts'

const avc = () => original('ff-avc.mp4')
const fast = () => original('ff-fast-start.mp4')
const fragments = () => original('ff-fragments.mp4')
const corrupt = bad('file_corrupt')
const tables = 'moov/trak/mdia/minf/stbl'
const set = (path: string, at: number, value: number) => patched(avc(), path, (body) => body.writeUInt32BE(value, at))
const media = (fill: (body: Buffer) => void) => patched(avc(), 'mdat', fill)
const order = (types: readonly string[]) =>
  Buffer.concat(
    types.flatMap((type) =>
      boxesOf(avc())
        .filter((each) => each.type === type)
        .map(({ body }) => box(type, body)),
    ),
  )

const movieOf = (film: Buffer): Buffer => boxesOf(film).find(({ type }) => type === 'moov')?.body ?? Buffer.alloc(0)

const outer: readonly CorpusFile[] = [
  corrupt('half.mp4', /'mdat' extends beyond the end of the file/, 'cut off in the media', () => avc().subarray(0, avc().length >> 1)),
  corrupt('movie-cut.mp4', /'moov' extends beyond the end of the file/, 'cut off in the movie box', () =>
    avc().subarray(0, avc().length - 50),
  ),
  corrupt('media-cut.mp4', /'mdat' extends beyond the end of the file/, 'a fast start whose download broke off', () =>
    fast().subarray(0, fast().length - 200),
  ),
  corrupt('no-movie.mp4', /no box 'moov'/, 'a recording that was never closed', () => without(avc(), 'moov')),
  corrupt('no-media.mp4', /no box 'mdat'/, 'a movie without media', () => without(avc(), 'mdat')),
  corrupt('two-movies.mp4', /two boxes 'moov'/, 'two movies', () => order(['ftyp', 'mdat', 'moov', 'moov'])),
  corrupt('two-types.mp4', /two boxes 'ftyp'/, 'two videos in succession', () => order(['ftyp', 'mdat', 'ftyp', 'moov'])),
  corrupt('type-only.mp4', /no box 'moov'/, 'nothing but its type', () => order(['ftyp'])),
  corrupt('track-outside.mp4', /'trak' is misplaced/, 'a track after its movie, which some players add to it', () =>
    Buffer.concat([avc(), ...boxesOf(movieOf(avc())).flatMap(({ type, body }) => (type === 'trak' ? [box(type, body)] : []))]),
  ),
  corrupt('tables-outside.mp4', /'stbl' is misplaced/, 'a second set of tables, outside of all tracks', () =>
    Buffer.concat([avc(), box('stbl', box('stsd', Buffer.alloc(8)))]),
  ),
  corrupt('fragment-outside.mp4', /'traf' is misplaced/, 'the contents of a fragment without the fragment', () =>
    Buffer.concat([fragments(), box('traf', box('tfhd', Buffer.alloc(8)))]),
  ),
  corrupt('tables-in-movie.mp4', /'stbl' is misplaced/, 'a second set of tables in the movie, but in no track', () =>
    edited(avc(), (path, body) => (path === 'moov' ? Buffer.concat([body, box('stbl', box('stsd', Buffer.alloc(8)))]) : body)),
  ),
  corrupt('codec-in-movie.mp4', /'esds' is misplaced/, "a codec's configuration in the movie, which some players give to a track", () =>
    edited(avc(), (path, body) => (path === 'moov' ? Buffer.concat([body, box('esds', Buffer.alloc(30))]) : body)),
  ),
  corrupt('movie-in-track.mp4', /'mvhd' is misplaced/, "a second movie header, inside of a track's media", () =>
    edited(avc(), (path, body) => (path === 'moov/trak/mdia' ? Buffer.concat([body, box('mvhd', Buffer.alloc(100))]) : body)),
  ),
  corrupt('box-of-4.mp4', /'free' has an invalid size/, 'a box smaller than its own header', () =>
    Buffer.concat([avc(), Buffer.from('0000000466726565', 'hex')]),
  ),
  corrupt('box-too-long.mp4', /'free' extends beyond the end of the file/, 'a box beyond the end', () =>
    Buffer.concat([avc(), Buffer.from('0000ffff66726565', 'hex')]),
  ),
  corrupt('long-box-of-8.mp4', /'free' has an invalid size/, 'a long box smaller than its own header', () =>
    Buffer.concat([avc(), Buffer.from('00000001667265650000000000000008', 'hex')]),
  ),
  corrupt('long-box-huge.mp4', /'free' extends beyond the end of the file/, 'a box of 2^63 bytes', () =>
    Buffer.concat([avc(), Buffer.from('00000001667265658000000000000000', 'hex')]),
  ),
  corrupt('words-behind.mp4', /there is (?:no valid|an incomplete) box at byte|extends beyond/, 'words after its last box', () =>
    Buffer.concat([avc(), Buffer.from('and then some words')]),
  ),
  corrupt('noise-behind.mp4', /there is no valid box at byte/, 'noise after its last box', () =>
    Buffer.concat([avc(), randomBytes(500, 42)]),
  ),
  corrupt('byte-behind.mp4', /there is an incomplete box at byte/, 'a byte after its last box', () =>
    Buffer.concat([avc(), Buffer.from('x')]),
  ),
  corrupt('zeros-and-more.mp4', /there is no valid box at byte/, 'content after zeros after its last box', () =>
    Buffer.concat([avc(), Buffer.alloc(200), Buffer.from('more')]),
  ),
  corrupt('many-boxes.mp4', /too many boxes/, '30 000 boxes', () =>
    Buffer.concat([avc(), ...Array.from({ length: 30_000 }, () => box('free'))]),
  ),
  corrupt('many-tracks.mp4', /more than 64 tracks|same id/, 'a hundred tracks', () =>
    edited(avc(), (path, body) => (path === 'moov/trak' ? Array.from({ length: 50 }, () => box('trak', body)) : body)),
  ),
  corrupt('long-type.mp4', /'ftyp' is too large/, 'brands of more bytes than any file has', () =>
    edited(avc(), (at, body) => (at === 'ftyp' ? Buffer.concat([body, randomBytes(5000)]) : body)),
  ),
  bad('suspicious_content')('page-in-type.mp4', /in its box 'ftyp'/, 'markup among the brands', () =>
    edited(fragments(), (at, body) => (at === 'ftyp' ? Buffer.concat([body, Buffer.from('<img src=x onerror=alert(1)>')]) : body)),
  ),
]

const inner: readonly CorpusFile[] = [
  corrupt('no-movie-header.mp4', /no box 'mvhd'/, 'a movie without a header', () => without(avc(), 'moov/mvhd')),
  corrupt('movie-timescale.mp4', /'mvhd' has a timescale of 0/, 'a movie with a timescale of 0', () => set('moov/mvhd', 12, 0)),
  corrupt('movie-length.mp4', /declares a duration of \d+ hours/, 'a movie of 1193 hours', () => set('moov/mvhd', 16, 0xffff_fffe)),
  ...['moov/mvhd', 'moov/trak/tkhd', 'moov/trak/mdia/mdhd'].map((path) => {
    const type = path.slice(-4)
    return corrupt(`${type}-version.mp4`, /unknown version 128/, `a box '${type}' of a version that does not exist`, () =>
      patched(avc(), path, (body) => body.writeUInt8(128, 0)),
    )
  }),
  corrupt('track-timescale.mp4', /'mdhd' has a timescale of 0/, 'a track with a timescale of 0', () => set('moov/trak/mdia/mdhd', 12, 0)),
  ...[
    'tkhd',
    'mdia/mdhd',
    'mdia/hdlr',
    'mdia/minf/stbl/stsd',
    'mdia/minf/stbl/stts',
    'mdia/minf/stbl/stsc',
    'mdia/minf/stbl/stsz',
    'mdia/minf/stbl/stco',
  ].map((path) => {
    const type = path.slice(path.lastIndexOf('/') + 1)
    return corrupt(`no-${type}.mp4`, new RegExp(`a track has no box '${type}'`), `a track without its box ${type}`, () =>
      without(avc(), `moov/trak/${path}`),
    )
  }),
  corrupt('track-box-twice.mp4', /two boxes 'stsz'/, 'two tables of sizes', () =>
    edited(avc(), (path, body) => (path === `${tables}/stsz` ? [box('stsz', body), box('stsz', body)] : body)),
  ),
  corrupt('track-box-too-long.mp4', /extends beyond its parent/, 'a box that exceeds its parent', () => resized(avc(), 'stsd', 5000)),
  corrupt('track-box-of-0.mp4', /./, 'a box in a track that extends to the end', () => resized(avc(), 'mdhd', 0)),
  corrupt('short-header.mp4', /'tkhd' is too short/, 'a truncated track header', () =>
    edited(avc(), (path, body) => (path === 'moov/trak/tkhd' ? body.subarray(0, 40) : body)),
  ),
  corrupt('no-size.mp4', /'avc1' declares 0 × 64 pixels/, 'a picture with a width of 0', () =>
    patched(avc(), `${tables}/stsd`, (body) => body.writeUInt16BE(0, 40)),
  ),
  corrupt('huge-size.mp4', /'avc1' declares 65535 × 65535 pixels/, 'a picture of 65 535 × 65 535 pixels', () =>
    patched(avc(), `${tables}/stsd`, (body) => body.writeUInt32BE(0xffff_ffff, 40)),
  ),
  corrupt('descriptions.mp4', /'stsd' declares more entries than it contains/, 'more descriptions than there are', () =>
    set(`${tables}/stsd`, 4, 9),
  ),
  corrupt('no-configuration.mp4', /no box 'avcC'/, 'H.264 without its configuration', () =>
    patched(avc(), `${tables}/stsd`, (body) => body.write('zzzz', body.indexOf('avcC'), 'latin1')),
  ),
  corrupt('long-sound-configuration.mp4', /'esds' is malformed/, 'an audio track whose configuration is longer than its box', () =>
    edited(original('ff-no-edits.mp4'), (path, body) => {
      const length = body.indexOf('0580808005', 0, 'hex') + 2
      if (path !== `${tables}/stsd` || length < 2) return body
      return Buffer.concat([body.subarray(0, length), Buffer.from([0xa0]), body.subarray(length + 1)])
    }),
  ),
  corrupt('configuration.mp4', /'avcC' is malformed/, 'H.264 with a configuration of noise', () =>
    patched(avc(), `${tables}/stsd`, (body) => randomBytes(30, 5).copy(body, body.indexOf('avcC') + 4)),
  ),
  corrupt('hevc-configuration.mp4', /'hvcC' is malformed/, 'H.265 with a configuration that exceeds its box', () =>
    patched(original('ff-hvc1.mp4'), `${tables}/stsd`, (body) => body.writeUInt16BE(0xffff, body.indexOf('hvcC') + 4 + 24)),
  ),
  corrupt('av1-configuration.mp4', /'av1C' is malformed/, 'AV1 with a configuration without its marker', () =>
    patched(original('ff-av1.mp4'), `${tables}/stsd`, (body) => body.writeUInt8(0, body.indexOf('av1C') + 4)),
  ),
  corrupt('vp9-configuration.mp4', /'vpcC' is malformed/, 'VP9 with a configuration that exceeds its box', () =>
    patched(original('ff-vp9.mp4'), `${tables}/stsd`, (body) => body.writeUInt16BE(0xff, body.indexOf('vpcC') + 4 + 10)),
  ),
  corrupt('elsewhere.mp4', /media is in another file/, 'media on another server', () =>
    edited(avc(), (path, body) =>
      path === 'moov/trak/mdia/minf/dinf/dref'
        ? Buffer.concat([body.subarray(0, 8), box('url ', Buffer.alloc(4), 'http://x.example/film.mp4\0')])
        : body,
    ),
  ),
]

const samples: readonly CorpusFile[] = [
  corrupt('references-too-many.mp4', /'dref' declares more entries than it contains/, 'more data references than there are', () =>
    set('moov/trak/mdia/minf/dinf/dref', 4, 0x0400_0001),
  ),
  corrupt('keys-too-many.mp4', /'stss' declares more entries than it contains/, 'more key frames than their table holds', () =>
    set(`${tables}/stss`, 4, 0x0200_0001),
  ),
  corrupt('edits-too-many.mp4', /'elst' declares more entries than it contains/, 'more edits than their table holds', () =>
    set('moov/trak/edts/elst', 4, 0x1000),
  ),
  corrupt('offsets-beyond.mp4', /'stco' points to samples outside/, 'a chunk beyond the end', () => set(`${tables}/stco`, 8, 0x7000_0000)),
  corrupt('offsets-in-header.mp4', /'stco' points to samples outside/, "a chunk in the movie's own boxes", () =>
    set(`${tables}/stco`, 8, 4),
  ),
  corrupt('sizes-beyond.mp4', /'stco' points to samples outside/, 'a sample larger than the media', () =>
    set(`${tables}/stsz`, 12, 0x00ff_ffff),
  ),
  corrupt('sizes-too-many.mp4', /'stsz' declares more entries than it contains|disagree/, 'more sizes than the table holds', () =>
    set(`${tables}/stsz`, 8, 0x0fff_ffff),
  ),
  corrupt('uniform-too-many.mp4', /disagree|points to samples outside/, 'four thousand million samples of a byte', () =>
    patched(set(`${tables}/stsz`, 4, 1), `${tables}/stsz`, (body) => body.writeUInt32BE(0xffff_ffff, 8)),
  ),
  corrupt('times-too-many.mp4', /'stts' declares more entries than it contains/, 'more times than the table holds', () =>
    set(`${tables}/stts`, 4, 0x0fff_ffff),
  ),
  corrupt('times-disagree.mp4', /'stts' and 'stsz' disagree/, 'times for other samples than there are', () => set(`${tables}/stts`, 8, 5)),
  corrupt('chunks-too-many.mp4', /'stco' declares more entries than it contains/, 'more chunks than the table holds', () =>
    set(`${tables}/stco`, 4, 0x1fff_ffff),
  ),
  corrupt('chunks-too-few.mp4', /'stsc' and 'stsz' disagree/, 'fewer chunks than its samples need', () => set(`${tables}/stco`, 4, 0)),
  corrupt('runs-of-none.mp4', /'stsc'/, 'chunks without samples', () => set(`${tables}/stsc`, 12, 0)),
  corrupt('runs-too-large.mp4', /'stsc'|outside/, 'chunks of more samples than there are', () => set(`${tables}/stsc`, 12, 0x7fff_ffff)),
  corrupt('runs-late.mp4', /'stsc' leaves chunks without samples/, 'a first chunk that belongs to no run', () =>
    set(`${tables}/stsc`, 8, 2),
  ),
  corrupt('no-samples.mp4', /has no frames/, 'tables without a sample', () => {
    const emptied = ['stts', 'stsc', 'stco'].reduce(
      (bytes, type) => patched(bytes, `${tables}/${type}`, (body) => body.writeUInt32BE(0, 4)),
      avc(),
    )
    return patched(emptied, `${tables}/stsz`, (body) => body.writeUInt32BE(0, 8))
  }),
  corrupt('media-zeros.mp4', /not valid 'avc1' data/, 'media of zeros, as a broken download leaves it', () =>
    media((body) => body.fill(0)),
  ),
  corrupt('media-noise.mp4', /not valid 'avc1' data/, 'media of noise', () => media((body) => randomBytes(body.length, 3).copy(body))),
  corrupt('media-tail-zeros.mp4', /not valid 'avc1' data/, 'media whose second half is zeros', () =>
    media((body) => body.fill(0, body.length >> 2)),
  ),
  corrupt('media-another.mp4', /not valid 'avc1' data/, 'a picture where the media should be', () =>
    media((body) => original('ff-rgba.png').copy(body)),
  ),
  corrupt('media-shifted.mp4', /not valid 'avc1' data/, 'offsets off by one', () =>
    patched(avc(), `${tables}/stco`, (body) => {
      for (let at = 8; at < body.length; at += 4) body.writeUInt32BE(body.readUInt32BE(at) + 1, at)
    }),
  ),
  corrupt('hevc-media.mp4', /not valid 'hvc1' data/, 'H.265 media of noise', () =>
    patched(original('ff-hvc1.mp4'), 'mdat', (body) => randomBytes(body.length, 3).copy(body)),
  ),
  corrupt('av1-media.mp4', /not valid 'av01' data/, 'AV1 media of ones', () =>
    patched(original('ff-av1.mp4'), 'mdat', (body) => body.fill(0xff)),
  ),
  corrupt('vp9-media.mp4', /not valid 'vp09' data/, 'VP9 media of zeros', () =>
    patched(original('ff-vp9.mp4'), 'mdat', (body) => body.fill(0)),
  ),
  corrupt('said-hevc.mp4', /no box 'hvcC'/, 'H.264 declared as H.265', () =>
    patched(avc(), `${tables}/stsd`, (body) => body.write('hvc1', 12, 'latin1')),
  ),
]

const inFragments: readonly CorpusFile[] = [
  corrupt('fragments-cut.mp4', /extends beyond the end of the file/, 'cut off in a fragment', () =>
    fragments().subarray(0, fragments().length - 300),
  ),
  corrupt('fragments-unannounced.mp4', /no box 'mvex'/, 'fragments that the movie does not declare', () =>
    without(fragments(), 'moov/mvex'),
  ),
  corrupt('fragments-missing.mp4', /no box 'mdat'/, 'a fragmented movie without fragments', () =>
    Buffer.concat(
      boxesOf(fragments())
        .filter(({ type }) => type === 'ftyp' || type === 'moov')
        .map(({ type, body }) => box(type, body)),
    ),
  ),
  corrupt('fragment-track.mp4', /names an unknown track/, 'a fragment of a track that does not exist', () =>
    patched(fragments(), 'moof/traf/tfhd', (body) => body.writeUInt32BE(77, 4)),
  ),
  corrupt('fragment-offset.mp4', /'trun' points to samples outside/, 'a fragment that points beyond its media', () =>
    patched(fragments(), 'moof/traf/trun', (body) => body.writeInt32BE(90_000, 8)),
  ),
  corrupt('fragment-before.mp4', /'trun' points to samples outside/, 'a fragment that points before the file', () =>
    patched(fragments(), 'moof/traf/trun', (body) => body.writeInt32BE(-90_000, 8)),
  ),
  corrupt('fragment-rows.mp4', /'trun' declares more entries than it contains/, 'a fragment of more samples than rows', () =>
    patched(fragments(), 'moof/traf/trun', (body) => body.writeUInt32BE(0x00ff_ffff, 4)),
  ),
  corrupt('fragment-header.mp4', /'traf' has no box 'tfhd'/, 'a fragment without a header', () => without(fragments(), 'moof/traf/tfhd')),
  corrupt('fragment-media.mp4', /not valid 'avc1' data/, 'fragments of zeros', () =>
    edited(fragments(), (path, body) => (path === 'mdat' ? Buffer.alloc(body.length) : body)),
  ),
  corrupt('fragment-inside.mp4', /extends beyond its parent/, 'a box that exceeds its fragment', () =>
    resized(fragments(), 'trun', 60_000),
  ),
]

export const badMp4s: readonly CorpusFile[] = [...outer, ...inner, ...samples, ...inFragments]
