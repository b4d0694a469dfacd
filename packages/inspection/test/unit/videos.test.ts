import { defaultLimits, inspect, inspectionVersion } from '@airlock/inspection/full'
import { expect, test } from 'vitest'
import { box, claiming, ftyp, hdlr, longBox, mdat, moov, mp4, mvhd, stsd, tkhd, trak, u32 } from '../boxes.ts'
import { inspected, outcome, sample, watched } from '../sources.ts'

const facts = {
  width: 320,
  height: 180,
  duration_seconds: 2,
  codec: 'avc1',
  tracks: 1,
  fast_start: true,
  fragmented: false,
  inspection_version: inspectionVersion,
}

const look = async (bytes: Buffer) => outcome(await inspected(bytes, 'film.mp4'))

test.each([
  ['scene-01.mp4', { width: 480, height: 270, duration_seconds: 3, tracks: 2 }],
  ['Final cut v2.mp4', { width: 360, height: 640, tracks: 2, fast_start: false }],
  ['scene-02-stream.mp4', { duration_seconds: null, fragmented: true }],
])('%s, as ffmpeg makes it, is accepted with its facts', async (file, expected) => {
  expect(await look(sample(`good/${file}`))).toEqual({ ...facts, ...expected })
})

const audio = trak({ header: tkhd({ width: 0, height: 0 }), handler: hdlr('soun'), description: stsd('mp4a') })

test.each<[string, Buffer, Partial<Record<keyof typeof facts, unknown>>]>([
  ['the smallest of files', mp4(), {}],
  ['boxes that nobody has to know', mp4(ftyp(), box('free', Buffer.alloc(9)), box('uuid', Buffer.alloc(40)), moov(), mdat()), {}],
  ['media before the movie box', mp4(ftyp(), mdat(), moov()), { fast_start: false }],
  ['media sized in 64 bits', mp4(ftyp(), longBox('mdat', Buffer.alloc(100)), moov()), { fast_start: false }],
  ['media that reaches to the end of the file', mp4(ftyp(), moov(), claiming(0, 'mdat', Buffer.alloc(50))), {}],
  [
    'times in 64 bits',
    mp4(ftyp(), moov(mvhd({ version: 1, duration: 2500n }), trak({ header: tkhd({ version: 1 }) })), mdat()),
    { duration_seconds: 2.5 },
  ],
  ['an unknown duration', mp4(ftyp(), moov(mvhd({ duration: 0xffff_ffffn }), trak()), mdat()), { duration_seconds: null }],
  [
    'an unknown duration in 64 bits',
    mp4(ftyp(), moov(mvhd({ version: 1, duration: 2n ** 64n - 1n }), trak()), mdat()),
    { duration_seconds: null },
  ],
  [
    'a duration that is kept for its fragments',
    mp4(ftyp(), moov(mvhd({ duration: 0n }), trak(), box('mvex', box('mehd', u32(0, 7000)))), box('moof'), mdat()),
    { duration_seconds: 7, fragmented: true },
  ],
  ['sound before the picture', mp4(ftyp(), moov(mvhd(), audio, trak({ description: stsd('hvc1') })), mdat()), { tracks: 2, codec: 'hvc1' }],
])('a video with %s is accepted', async (_, bytes, expected) => {
  expect(await look(bytes)).toEqual({ ...facts, ...expected })
})

test.each([
  ['media cut off', mp4(ftyp(), moov(), mdat()).subarray(0, -1), "the box 'mdat' reaches beyond the end of the file"],
  ['no movie box', mp4(ftyp(), mdat()), "it has no box 'moov'"],
  ['no media', mp4(ftyp(), moov()), "it has no box 'mdat'"],
  ['two movie boxes', mp4(ftyp(), moov(), moov(), mdat()), "it has two boxes 'moov'"],
  ['nothing but a type', ftyp(), "it has no box 'moov'"],
  ['a box smaller than its own header', mp4(ftyp(), moov(), claiming(7, 'free'), mdat()), "the box 'free' has an impossible size"],
  [
    'a long box smaller than its own header',
    mp4(ftyp(), moov(), longBox('mdat', Buffer.alloc(8), 15n)),
    "the box 'mdat' has an impossible size",
  ],
  ['a long box cut off inside its size', mp4(ftyp(), moov(), claiming(1, 'mdat')), "the box 'mdat' has an impossible size"],
  [
    'a box larger than any file',
    mp4(ftyp(), moov(), longBox('mdat', Buffer.alloc(8), 2n ** 63n)),
    "the box 'mdat' reaches beyond the end of the file",
  ],
  ['a few bytes behind the last box', mp4(ftyp(), moov(), mdat(), Buffer.from('tail')), /^there is no whole box at byte \d+$/],
  ['bytes that are no box', mp4(ftyp(), moov(), mdat(), Buffer.alloc(64, 0x81)), /^there is no box at byte \d+$/],
  [
    'an archive behind the last box',
    mp4(ftyp(), moov(), mdat(), Buffer.from('PK\x03\x04\x14\x00\x00\x00'.repeat(4))),
    /^there is no box at byte/,
  ],
  [
    'an inner box that leaves its parent',
    mp4(ftyp(), moov(mvhd(), claiming(900, 'trak')), mdat(2000)),
    "the box 'trak' reaches beyond its parent",
  ],
  ['no movie header', mp4(ftyp(), moov(trak()), mdat()), "it has no box 'mvhd'"],
  ['an empty movie header', mp4(ftyp(), moov(box('mvhd'), trak()), mdat()), "the box 'mvhd' is too short"],
  [
    'a movie header of version 1 with room for version 0',
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
  ['a timescale of nothing', mp4(ftyp(), moov(mvhd({ timescale: 0 }), trak()), mdat()), "the box 'mvhd' has a timescale of 0"],
])('a video with %s is corrupt, and the box is named', async (_, bytes, reason) => {
  const text = String(await look(bytes))

  expect(text).toMatch(/^file_corrupt: File 'film\.mp4' can't be read: .*\.$/)
  expect(text.slice("file_corrupt: File 'film.mp4' can't be read: ".length, -1)).toEqual(
    reason instanceof RegExp ? expect.stringMatching(reason) : reason,
  )
})

test('a file with sound alone is no video', async () => {
  expect(await look(mp4(ftyp(), moov(mvhd(), audio), mdat()))).toBe(
    "type_mismatch: File 'film.mp4' claims to be a video, but its content is an MP4 without a video track.",
  )
})

test('a track that does not say what it is, is no video track', async () => {
  expect(await look(mp4(ftyp(), moov(mvhd(), box('trak', tkhd())), mdat()))).toMatch(/^type_mismatch: /)
})

test('a QuickTime film by the name of .mp4 is told by name', async () => {
  expect(await look(mp4(ftyp('qt  ', 'qt  '), moov(), mdat()))).toBe(
    "type_mismatch: File 'film.mp4' claims to be MP4, but its content is QuickTime.",
  )
})

test('boxes are counted on all levels together, and too many are refused', async () => {
  const tracks = Array.from({ length: 30 }, () => box('free'))
  const limits = { ...defaultLimits, maxBoxes: 40 }

  expect(await inspected(mp4(ftyp(), moov(mvhd(), trak(), ...tracks), mdat()), 'film.mp4', limits)).toMatchObject({
    refusal: { code: 'file_corrupt', detail: "File 'film.mp4' can't be read: it has too many boxes." },
  })
  expect(await inspected(mp4(ftyp(), moov(mvhd(), trak(), ...tracks), mdat()), 'film.mp4', { ...limits, maxBoxes: 43 })).toMatchObject({
    ok: true,
  })
})

test('boxes nested where they do not belong are passed over, however deep', async () => {
  let nested = box('trak')
  for (let depth = 0; depth < 5000; depth++) nested = box('trak', nested)

  expect(await look(mp4(ftyp(), moov(mvhd(), trak(), nested), mdat()))).toEqual({ ...facts, tracks: 2 })
})

test('a large video costs a few small reads, wherever its movie box stands', async () => {
  for (const bytes of [mp4(ftyp(), moov(), mdat(20_000_000)), mp4(ftyp(), mdat(20_000_000), moov())]) {
    const source = watched(bytes)
    await inspect(source, { filename: 'film.mp4', mediaType: 'video/mp4', assetType: 'generated_video' })

    expect(source.reads.length).toBeLessThanOrEqual(4)
    expect(source.reads.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(300_000)
  }
})
