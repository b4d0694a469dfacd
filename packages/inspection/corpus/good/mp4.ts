import { type CorpusFile, good, original } from '../corpus-file.ts'
import { xmpPacket } from '../surgery/jpeg.ts'
import { box, boxesOf, branded, edited, patched, resized, without } from '../surgery/mp4.ts'
import { randomBytes } from '../surgery/payloads.ts'

const avc = () => original('ff-avc.mp4')
const withBox = (extra: Buffer) => Buffer.concat([avc(), extra])
const inMovie = (extra: Buffer) => edited(avc(), (path, body) => (path === 'moov' ? Buffer.concat([body, extra]) : body))

/** The same media with a header of 16 bytes: offsets move by 8, and the movie box follows anyway. */
function longMedia(): Buffer {
  const moved = edited(avc(), (path, body) => (path.endsWith('/stco') ? shifted(body, 8) : body))
  return Buffer.concat(
    boxesOf(moved).map(({ type, body }) => {
      if (type !== 'mdat') return box(type, body)
      const head = Buffer.alloc(16)
      head.writeUInt32BE(1)
      head.write('mdat', 4, 'latin1')
      head.writeBigUInt64BE(BigInt(body.length + 16), 8)
      return Buffer.concat([head, body])
    }),
  )
}

function shifted(stco: Buffer, by: number): Buffer {
  const copy = Buffer.from(stco)
  for (let at = 8; at < copy.length; at += 4) copy.writeUInt32BE(copy.readUInt32BE(at) + by, at)
  return copy
}

/** Offsets in 64 bits. */
const wideOffsets = () =>
  edited(avc(), (path, body) => {
    if (!path.endsWith('/stco')) return body
    const count = body.readUInt32BE(4)
    const wide = Buffer.alloc(8 + count * 8)
    body.copy(wide, 0, 0, 8)
    for (let i = 0; i < count; i++) wide.writeBigUInt64BE(BigInt(body.readUInt32BE(8 + i * 4)), 8 + i * 8)
    return [box('co64', wide)]
  })

const mediaToTheEnd = () => {
  const fast = original('ff-fast-start.mp4')
  return resized(fast, 'mdat', 0)
}

const brands: readonly (readonly [name: string, brand: string, why: string])[] = [
  ['mp42', 'mp42', 'the brand that cameras write'],
  ['m4v', 'M4V ', "the brand of Apple's videos"],
  ['avc1', 'avc1', 'the brand that names the codec'],
  ['xavc', 'XAVC', "the brand of Sony's cameras"],
  ['msnv', 'MSNV', "the brand of Sony's memory sticks"],
  ['dash', 'dash', 'the brand of DASH'],
  ['iso6', 'iso6', 'a later version of the standard'],
  ['f4v', 'F4V ', "the brand of Adobe's players"],
]

export const goodMp4s: readonly CorpusFile[] = [
  ...brands.map(([name, brand, why]) => good(`brand-${name}.mp4`, why, () => branded(avc(), brand))),
  good('brand-unknown.mp4', 'an unknown brand of a manufacturer, compatible with a known one', () => branded(avc(), 'ZZZ1', 'isom')),
  good('long-media.mp4', 'media sized in 64 bits', longMedia),
  good('wide-offsets.mp4', 'offsets in 64 bits', wideOffsets),
  good('media-to-the-end.mp4', 'media whose size is the rest of the file', mediaToTheEnd),
  good('free.mp4', 'free boxes, an empty one too', () => Buffer.concat([avc(), box('free'), box('skip', Buffer.alloc(300)), box('wide')])),
  good('uuid-xmp.mp4', 'XMP in a uuid box', () =>
    withBox(box('uuid', Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex'), xmpPacket('dc:format="video/mp4"'))),
  ),
  good('unknown-box.mp4', 'an unknown box', () => withBox(box('zzzz', randomBytes(2000)))),
  good('unknown-in-movie.mp4', 'unknown boxes in the movie box', () => inMovie(box('abcd', randomBytes(100)))),
  good('cover.mp4', 'a cover picture among its titles', () =>
    inMovie(box('udta', box('meta', Buffer.alloc(4), box('ilst', box('covr', box('data', Buffer.alloc(8), original('im-baseline.jpg'))))))),
  ),
  good('old-titles.mp4', 'old titles that end with four zeros', () => inMovie(box('udta', box('\u00a9nam', 'A script'), Buffer.alloc(4)))),
  good('padded.mp4', 'zeros after its last box', () => Buffer.concat([avc(), Buffer.alloc(5000)])),
  good('padded-a-little.mp4', 'three zeros after its last box', () => Buffer.concat([avc(), Buffer.alloc(3)])),
  good('property-list.mp4', "a property list of Apple's, with a document type, outside of XMP", () =>
    inMovie(
      box(
        'udta',
        box(
          'tags',
          '<?xml version="1.0"?><!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd"><plist/>',
        ),
      ),
    ),
  ),
  good('no-user-data.mp4', 'nothing but what players need', () => without(avc(), 'moov/udta')),
  good('no-length.mp4', 'a duration that only the samples contain', () =>
    patched(avc(), 'moov/mvhd', (body) => body.writeUInt32BE(0xffff_ffff, 16)),
  ),
  good('own-alias.mp4', "an alias of QuickTime's that declares the media is in this file", () =>
    edited(avc(), (path, body) =>
      path === 'moov/trak/mdia/minf/dinf/dref' ? Buffer.concat([body.subarray(0, 8), box('alis', Buffer.from('00000001', 'hex'))]) : body,
    ),
  ),
  good('own-address.mp4', 'an empty address with the flag that the media is in this file', () =>
    edited(avc(), (path, body) =>
      path === 'moov/trak/mdia/minf/dinf/dref' ? Buffer.concat([body.subarray(0, 8), box('url ', Buffer.from('0000000100', 'hex'))]) : body,
    ),
  ),
  good('many-brands.mp4', 'the maximum number of brands', () =>
    edited(original('ff-fragments.mp4'), (path, body) =>
      path === 'ftyp' ? Buffer.concat([body, Buffer.from('iso4iso5iso6mp41mp42dashcmfcavc1M4V MSNVXAVC')]) : body,
    ),
  ),
  good('left-over-movie.mp4', 'a free box with former contents', () => withBox(box('free', randomBytes(60_000, 11)))),
]
