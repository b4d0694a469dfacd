import { box, ftyp, hdlr, mdhd, mvhd, stsd, tkhd, u32 } from './boxes.ts'

/**
 * A long video whose media is zeros, in pieces, so that it need not be in memory: only its tables are real. Its codec is one whose samples are not
 * checked.
 *
 * @returns the bytes before its media, the size of the media, and the bytes after it
 */
export function largeFilm({ bytes, seconds, movieLast }: { bytes: number; seconds: number; movieLast: boolean }) {
  const [pictures, sounds, soundBytes] = [30, 43, 300]
  const pictureBytes = Math.floor(bytes / seconds / pictures) - Math.ceil((sounds * soundBytes) / pictures)
  const chunkBytes = pictures * pictureBytes + sounds * soundBytes
  const mediaBytes = chunkBytes * seconds
  const movie = (mediaStart: number) =>
    box(
      'moov',
      mvhd({ duration: BigInt(seconds * 1000) }),
      track({ id: 1, handler: 'vide', perSecond: pictures, sampleBytes: pictureBytes, from: mediaStart, chunkBytes, seconds }),
      track({
        id: 2,
        handler: 'soun',
        perSecond: sounds,
        sampleBytes: soundBytes,
        from: mediaStart + pictures * pictureBytes,
        chunkBytes,
        seconds,
      }),
    )
  const mediaHead = Buffer.alloc(16)
  mediaHead.writeUInt32BE(1)
  mediaHead.write('mdat', 4, 'latin1')
  mediaHead.writeBigUInt64BE(BigInt(mediaBytes + 16), 8)
  const before = movieLast ? [ftyp('isom', 'mp42')] : [ftyp('isom', 'mp42'), movie(0)]
  const start = Buffer.concat(before).length + mediaHead.length
  const head = movieLast ? Buffer.concat([...before, mediaHead]) : Buffer.concat([ftyp('isom', 'mp42'), movie(start), mediaHead])
  return { head, mediaBytes, tail: movieLast ? movie(start) : Buffer.alloc(0) }
}

interface TrackOptions {
  id: number
  handler: 'vide' | 'soun'
  perSecond: number
  sampleBytes: number
  from: number
  chunkBytes: number
  seconds: number
}

/** One chunk per second, with a size for each sample. */
function track({ id, handler, perSecond, sampleBytes, from, chunkBytes, seconds }: TrackOptions): Buffer {
  const count = perSecond * seconds
  const filled = (length: number, value: (index: number) => number) => {
    const bytes = Buffer.alloc(length * 4)
    for (let i = 0; i < length; i++) bytes.writeUInt32BE(value(i), i * 4)
    return bytes
  }
  const tables = [
    box('stts', u32(0, 1, count, 1000)),
    box('stsc', u32(0, 1, 1, perSecond, 1)),
    box(
      'stsz',
      u32(0, 0, count),
      filled(count, () => sampleBytes),
    ),
    box(
      'stco',
      u32(0, seconds),
      filled(seconds, (i) => from + i * chunkBytes),
    ),
  ]
  const codec = handler === 'vide' ? 'mp4v' : 'mp4a'
  return box(
    'trak',
    tkhd({ id }),
    box('mdia', mdhd({ timescale: perSecond * 1000 }), hdlr(handler), box('minf', box('stbl', stsd(codec), ...tables))),
  )
}
