import { type ByteSource, MiB } from '@airlock/domain'
import { defaultLimits, inspect, inspectionVersion } from '@airlock/inspection/full'
import { expect, test } from 'vitest'
import {
  box,
  claiming,
  co64,
  emptyTables,
  ftyp,
  hdlr,
  longBox,
  mdat,
  mdhd,
  moof,
  moov,
  mp4,
  mvhd,
  sampleBytes,
  stco,
  stsc,
  stsd,
  stsz,
  stts,
  tables,
  tfhd,
  tkhd,
  trak,
  trex,
  trun,
  u32,
} from '../boxes.ts'
import { largeFilm } from '../large-film.ts'
import { inspected, outcome, sample, watched } from '../sources.ts'

const facts = {
  width: 320,
  height: 180,
  rotation: 0,
  duration_seconds: 2,
  frame_rate: 1,
  video_codec: 'avc1',
  audio_codec: null,
  tracks: 1,
  fast_start: true,
  fragmented: false,
  provenance: { present: false },
  inspection_version: inspectionVersion,
}

const zipEnd = Buffer.concat([Buffer.from('PK\x05\x06\0\0\0\0\x01\0\x01\0', 'latin1'), u32(0), u32(0), Buffer.alloc(2)])

const look = async (bytes: Buffer) => outcome(await inspected(bytes, 'film.mp4'))

test.each([
  ['scene-01.mp4', { width: 480, height: 270, duration_seconds: 3, frame_rate: 24, audio_codec: 'mp4a', tracks: 2 }],
  ['Final cut v2.mp4', { width: 360, height: 640, frame_rate: 24, audio_codec: 'mp4a', tracks: 2, fast_start: false }],
  ['scene-02-stream.mp4', { frame_rate: 24, fragmented: true }],
])('%s created by ffmpeg is accepted with its facts', async (file, expected) => {
  expect(await look(sample(`good/${file}`))).toEqual({ ...facts, ...expected })
})

const audio = trak({ header: tkhd({ id: 2, width: 0, height: 0 }), handler: hdlr('soun'), description: stsd('mp4a') })

test.each<[string, Buffer, Partial<Record<keyof typeof facts, unknown>>]>([
  ['only the required boxes', mp4(), {}],
  ['boxes that readers may ignore', mp4(ftyp(), box('free', Buffer.alloc(9)), box('uuid', Buffer.alloc(40)), moov(), mdat()), {}],
  ['media before the movie box', mp4(ftyp(), mdat(), moov()), { fast_start: false }],
  ['media with a 64-bit size', mp4(ftyp(), longBox('mdat', mdat(100).subarray(8)), moov()), { fast_start: false }],
  ['media that extends to the end of the file', mp4(ftyp(), moov(), claiming(0, 'mdat', mdat(50).subarray(8))), {}],
  [
    '64-bit times',
    mp4(ftyp(), moov(mvhd({ version: 1, duration: 2500n }), trak({ header: tkhd({ version: 1 }), times: mdhd({ version: 1 }) })), mdat()),
    { duration_seconds: 2.5 },
  ],
  ['a duration that only follows from its samples', mp4(ftyp(), moov(mvhd({ duration: 0xffff_ffffn }), trak()), mdat()), {}],
  [
    'a 64-bit duration that only follows from its samples',
    mp4(ftyp(), moov(mvhd({ version: 1, duration: 2n ** 64n - 1n }), trak()), mdat()),
    {},
  ],
  [
    'a duration that follows from its fragments',
    mp4(ftyp(), moov(mvhd({ duration: 0n }), trak(), box('mvex', box('mehd', u32(0, 7000)), trex())), moof(), mdat()),
    { duration_seconds: 7, fragmented: true },
  ],
  [
    'sound before the picture',
    mp4(ftyp(), moov(mvhd(), audio, trak({ description: stsd('hvc1') })), mdat()),
    { tracks: 2, video_codec: 'hvc1', audio_codec: 'mp4a' },
  ],
])('a video with %s is accepted', async (_, bytes, expected) => {
  expect(await look(bytes)).toEqual({ ...facts, ...expected })
})

test.each([
  ['truncated media', mp4(ftyp(), moov(), mdat()).subarray(0, -1), "the box 'mdat' extends beyond the end of the file"],
  ['no movie box', mp4(ftyp(), mdat()), "it has no box 'moov'"],
  ['no media', mp4(ftyp(), moov()), "it has no box 'mdat'"],
  ['two movie boxes', mp4(ftyp(), moov(), moov(), mdat()), "it has two boxes 'moov'"],
  ['only a file type', ftyp(), "it has no box 'moov'"],
  ['a box smaller than its own header', mp4(ftyp(), moov(), claiming(7, 'free'), mdat()), "the box 'free' has an invalid size"],
  [
    'a box with a 64-bit size smaller than its own header',
    mp4(ftyp(), moov(), longBox('mdat', Buffer.alloc(8), 15n)),
    "the box 'mdat' has an invalid size",
  ],
  ['a box truncated in its 64-bit size', mp4(ftyp(), moov(), claiming(1, 'mdat')), "the box 'mdat' has an invalid size"],
  [
    'a box larger than any file',
    mp4(ftyp(), moov(), longBox('mdat', Buffer.alloc(8), 2n ** 63n)),
    "the box 'mdat' extends beyond the end of the file",
  ],
  ['a few bytes after the last box', mp4(ftyp(), moov(), mdat(), Buffer.from('tail')), /^there is an incomplete box at byte \d+$/],
  ['bytes that are not a box', mp4(ftyp(), moov(), mdat(), Buffer.alloc(64, 0x81)), /^there is no valid box at byte \d+$/],
  [
    'an archive after the last box',
    mp4(ftyp(), moov(), mdat(), Buffer.from('PK\x03\x04\x14\x00\x00\x00'.repeat(4))),
    /^there is no valid box at byte/,
  ],
  [
    'an inner box that extends beyond its parent',
    mp4(ftyp(), moov(mvhd(), claiming(900, 'trak')), mdat(2000)),
    "the box 'trak' extends beyond its parent",
  ],
  ['no movie header', mp4(ftyp(), moov(trak()), mdat()), "it has no box 'mvhd'"],
  ['an empty movie header', mp4(ftyp(), moov(box('mvhd'), trak()), mdat()), "the box 'mvhd' is too short"],
  [
    'a movie header of version 1 with the length of version 0',
    mp4(ftyp(), moov(box('mvhd', u32(0x0100_0000), Buffer.alloc(20)), trak()), mdat()),
    "the box 'mvhd' is too short",
  ],
  [
    'a track header that ends early',
    mp4(ftyp(), moov(mvhd(), trak({ header: box('tkhd', Buffer.alloc(83)) })), mdat()),
    "the box 'tkhd' is too short",
  ],
  [
    'a track without a codec',
    mp4(ftyp(), moov(mvhd(), trak({ description: box('stsd', u32(0, 0)) })), mdat()),
    "the box 'stsd' is too short",
  ],
  ['a timescale of 0', mp4(ftyp(), moov(mvhd({ timescale: 0 }), trak()), mdat()), "the box 'mvhd' has a timescale of 0"],
])('a video with %s is corrupt, and the box is named', async (_, bytes, reason) => {
  const text = String(await look(bytes))

  expect(text).toMatch(/^file_corrupt: File 'film\.mp4' can't be read: .*\.$/)
  expect(text.slice("file_corrupt: File 'film.mp4' can't be read: ".length, -1)).toEqual(
    reason instanceof RegExp ? expect.stringMatching(reason) : reason,
  )
})

const film = (parts: Parameters<typeof trak>[0], media = mdat()) => mp4(ftyp(), moov(mvhd(), trak(parts)), media)
const fragmented = (...fragments: Buffer[]) =>
  mp4(ftyp(), moov(mvhd({ duration: 0n }), trak({ samples: emptyTables() }), box('mvex', trex())), ...fragments)
/** A fragment of two samples, followed by its media. */
const fragment = (given: { run?: Parameters<typeof trun>[0]; head?: Parameters<typeof tfhd>[0] } = {}, media = mdat()) => {
  const build = (dataOffset: number) => moof(Buffer.concat([tfhd(given.head), trun({ dataOffset, ...given.run })]))
  return Buffer.concat([build(build(0).length + 8), media])
}
const sized = { flags: 0x301, rows: [1000, sampleBytes, 1000, sampleBytes] }

test.each<[string, Buffer, Partial<Record<keyof typeof facts, unknown>>]>([
  ['64-bit offsets', film({ samples: [stts(2, 1000), stsc(1, 2, 1), stsz(8, 2), co64(0n)] }), {}],
  ['a size for each sample', film({ samples: [stts(1, 500, 1, 1500), stsc(1, 1, 1), stsz(0, 2, 8, 8), stco(0, 8)] }), {}],
  ['16-bit sizes', film({ samples: [stts(2, 1000), stsc(1, 2, 1), box('stz2', u32(0, 16, 2), u32(0x0008_0008)), stco(0)] }), {}],
  ['4-bit sizes', film({ samples: [stts(2, 1000), stsc(1, 2, 1), box('stz2', u32(0, 4, 2), Buffer.from([0x88])), stco(0)] }), {}],
  ['chunks of different lengths', film({ samples: [stts(2, 1000), stsc(1, 1, 1, 2, 1, 1), stsz(8, 2), stco(8, 0)] }), {}],
  ['media in two boxes', mp4(ftyp(), moov(), mdat(), mdat()), {}],
  ['a rotated picture', film({ header: tkhd({ matrix: [0, 0x1_0000, 0, -0x1_0000, 0, 0, 0, 0, 0x4000_0000] }) }), { rotation: 90 }],
  ['a mirrored picture', film({ header: tkhd({ matrix: [-0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000] }) }), { rotation: null }],
  ['a track without a size', film({ header: tkhd({ width: 0, height: 0 }) }), {}],
  ['a codec whose samples are not checked', film({ description: stsd('mp4v') }, mdat(16)), { video_codec: 'mp4v' }],
  ['zeros after its last box', mp4(ftyp(), moov(), mdat(), Buffer.alloc(100_000)), {}],
  ['one fragment', fragmented(fragment()), { fragmented: true }],
  [
    'fragments with all fields of each sample',
    fragmented(fragment({ run: sized }), fragment({ run: sized })),
    { fragmented: true, duration_seconds: 4 },
  ],
])('a video with %s is accepted, and its facts come from its samples', async (_, bytes, expected) => {
  expect(await look(bytes)).toEqual({ ...facts, ...expected })
})

test.each([
  ['samples beyond the media', film({ samples: [stts(2, 1000), stsc(1, 2, 1), stsz(40, 2), stco(0)] }), /'stco' points to samples outside/],
  [
    'samples before the media',
    film({ samples: [stts(2, 1000), stsc(1, 2, 1), stsz(8, 2), stco(-20)] }),
    /'stco' points to samples outside/,
  ],
  [
    'samples beyond 2^53',
    film({ samples: [stts(2, 1000), stsc(1, 2, 1), stsz(8, 2), co64(2n ** 62n)] }),
    /'co64' points to samples outside/,
  ],
  [
    'more samples than sizes',
    film({ samples: [stts(3, 1000), stsc(1, 3, 1), stsz(0, 3, 8, 8), stco(0)] }),
    /'stsz' declares more entries than it contains/,
  ],
  ['more times than samples', film({ samples: [stts(3, 1000), stsc(1, 2, 1), stsz(8, 2), stco(0)] }), /'stts' and 'stsz' disagree/],
  [
    'fewer samples in chunks than sizes',
    film({ samples: [stts(2, 1000), stsc(1, 1, 1), stsz(8, 2), stco(0)] }),
    /'stsc' and 'stsz' disagree/,
  ],
  [
    'chunks without samples',
    film({ samples: [stts(2, 1000), stsc(2, 1, 1), stsz(8, 2), stco(0, 8)] }),
    /'stsc' leaves chunks without samples/,
  ],
  ['runs without samples', film({ samples: [stts(2, 1000), stsc(1, 0, 1), stsz(8, 2), stco(0)] }), /'stsc' is out of order/],
  [
    'runs out of order',
    film({ samples: [stts(2, 1000), stsc(2, 1, 1, 1, 1, 1), stsz(8, 2), stco(0, 8)] }),
    /'stsc' (is out of order|leaves)/,
  ],
  [
    'four thousand million samples',
    film({ samples: [stts(0xffff_ffff, 1), stsc(1, 2, 1), stsz(0, 0xffff_ffff), stco(0)] }),
    /'stsz' declares more entries than it contains/,
  ],
  ['no frames', film({ samples: emptyTables() }), 'its video track has no frames'],
  ['no sizes', film({ samples: [stts(2, 1000), stsc(1, 2, 1), stco(0)] }), "a track has no box 'stsz'"],
  ['two tables of offsets', film({ samples: [...tables(), stco(0)] }), "a track has two boxes 'stco'"],
  [
    'a duration of days',
    film({ samples: [stts(2, 0x7fff_ffff), stsc(1, 2, 1), stsz(8, 2), stco(0)] }),
    /'stts' declares a duration of 1193 hours/,
  ],
  ['a track timescale of 0', film({ times: mdhd({ timescale: 0 }) }), "the box 'mdhd' has a timescale of 0"],
  ['two tracks with the same id', mp4(ftyp(), moov(mvhd(), trak(), trak()), mdat()), 'two tracks have the same id'],
  ['no configuration for its codec', film({ description: stsd('avc1', box('free')) }), "the box 'avc1' has no box 'avcC'"],
  [
    'a damaged configuration',
    film({ description: stsd('avc1', box('avcC', Buffer.from('0164001fffe1ffff', 'hex'))) }),
    "the box 'avcC' is malformed",
  ],
  ['units longer than their sample', film({}, box('mdat', Buffer.alloc(64, 7))), "its media is not valid 'avc1' data"],
  ['media of zeros', film({}, box('mdat', Buffer.alloc(64))), "its media is not valid 'avc1' data"],
  ['fragments that are not announced', mp4(ftyp(), moov(), moof(), mdat()), "it has fragments but no box 'mvex'"],
  ['a fragment of another track', fragmented(fragment({ head: { id: 9 } })), "the box 'tfhd' names an unknown track"],
  ['a fragment that points elsewhere', fragmented(fragment({ run: { dataOffset: 4000 } })), /'trun' points to samples outside/],
  [
    'a fragment with more samples than rows',
    fragmented(fragment({ run: { ...sized, samples: 900 } })),
    "the box 'trun' declares more entries than it contains",
  ],
  ['a fragment of zeros', fragmented(fragment({}, box('mdat', Buffer.alloc(64)))), "its media is not valid 'avc1' data"],
  [
    'its media in another file',
    film({
      samples: [...tables()],
      description: Buffer.concat([stsd()]),
      references: box('dref', u32(0, 1), box('url ', u32(0), Buffer.from('http://x/y.mp4\0'))),
    }),
    'its media is in another file',
  ],
])('a video with %s is corrupt', async (_, bytes, reason) => {
  const text = String(await look(bytes))
  expect(text.slice("file_corrupt: File 'film.mp4' can't be read: ".length, -1)).toEqual(
    reason instanceof RegExp ? expect.stringMatching(reason) : reason,
  )
})

test.each([
  ['an archive at its end', mp4(ftyp(), moov(), mdat(), box('free', zipEnd)), /a ZIP or JAR archive/],
  [
    'an HTML page in a box that readers ignore',
    mp4(ftyp(), box('free', Buffer.from('<html><script>alert(1)</script>')), moov(), mdat()),
    /a script in HTML in its box 'free'/,
  ],
  [
    'code in its titles',
    mp4(ftyp(), moov(mvhd(), trak(), box('udta', Buffer.from('title <?php system($_GET[0]); ?>'))), mdat()),
    /PHP code in its box 'udta'/,
  ],
])('a video with %s is suspicious', async (_, bytes, found) => {
  expect(await look(bytes)).toMatch(found)
})

test('a file with audio only is not a video', async () => {
  expect(await look(mp4(ftyp(), moov(mvhd(), audio), mdat()))).toBe(
    "type_mismatch: File 'film.mp4' claims to be a video, but its content is an MP4 without a video track.",
  )
})

test('a track without a known handler is not a video track', async () => {
  expect(await look(mp4(ftyp(), moov(mvhd(), trak({ handler: hdlr('\0\0\0\0') })), mdat()))).toMatch(/^type_mismatch: /)
})

test('a QuickTime file named .mp4 is rejected as QuickTime', async () => {
  expect(await look(mp4(ftyp('qt  ', 'qt  '), moov(), mdat()))).toBe(
    "type_mismatch: File 'film.mp4' claims to be MP4, but its content is QuickTime.",
  )
})

test('boxes on all levels count towards the limit', async () => {
  const tracks = Array.from({ length: 30 }, () => box('free'))
  const limits = { ...defaultLimits, maxBoxes: 45 }

  expect(await inspected(mp4(ftyp(), moov(mvhd(), trak(), ...tracks), mdat()), 'film.mp4', limits)).toMatchObject({
    refusal: { code: 'file_corrupt', detail: "File 'film.mp4' can't be read: it has too many boxes." },
  })
  expect(await inspected(mp4(ftyp(), moov(mvhd(), trak(), ...tracks), mdat()), 'film.mp4', { ...limits, maxBoxes: 46 })).toMatchObject({
    ok: true,
  })
})

test('unknown boxes are skipped at any depth, and a nested track is misplaced', async () => {
  const withNested = (type: string) => {
    let nested = box(type)
    for (let depth = 0; depth < 5000; depth++) nested = box(type, nested)
    return look(mp4(ftyp(), moov(mvhd(), trak({ samples: [...tables(), nested] })), mdat()))
  }

  expect(await withNested('zzzz')).toEqual(facts)
  expect(await withNested('trak')).toMatch(/^file_corrupt: .*the box 'trak' is misplaced/)
})

test('a large video needs only a few small reads, wherever its movie box is', async () => {
  for (const bytes of [mp4(ftyp(), moov(), mdat(20_000_000)), mp4(ftyp(), mdat(20_000_000), moov())]) {
    const source = watched(bytes)
    await inspect(source, { filename: 'film.mp4', mediaType: 'video/mp4', assetType: 'generated_video' })

    expect(source.reads.length).toBeLessThanOrEqual(5)
    expect(source.reads.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(300_000)
  }
})

test('a video of one hour and 490 MiB needs at most five reads, less than 2 MiB in total', async () => {
  for (const movieLast of [false, true]) {
    const { head, mediaBytes, tail } = largeFilm({ bytes: 490 * MiB, seconds: 3600, movieLast })
    const reads: number[] = []
    const source: ByteSource = {
      size: head.length + mediaBytes + tail.length,
      read: async (offset, length) => {
        reads.push(length)
        const bytes = Buffer.alloc(length)
        if (offset < head.length) head.copy(bytes, 0, offset)
        const tailAt = head.length + mediaBytes - offset
        if (tailAt < length) tail.copy(bytes, Math.max(0, tailAt), Math.max(0, -tailAt))
        return bytes
      },
      stream: () => {
        throw new Error('a film is not read from end to end')
      },
    }
    const verdict = await inspect(source, { filename: 'film.mp4', mediaType: 'video/mp4', assetType: 'generated_video' })

    expect(outcome(verdict)).toMatchObject({ duration_seconds: 3600, frame_rate: 30, fast_start: !movieLast })
    expect(reads.length).toBeLessThanOrEqual(5)
    expect(reads.reduce((sum, length) => sum + length)).toBeLessThan(2 * MiB)
  }
})
