import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { box, edited } from '../surgery/mp4.ts'

const corrupt = bad('file_corrupt')
const reference = (...references: Buffer[]): Buffer =>
  edited(original('ff-avc.mp4'), (path, body) =>
    path === 'moov/trak/mdia/minf/dinf/dref' ? Buffer.concat([counted(references.length), ...references]) : body,
  )
const counted = (count: number): Buffer => {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(count, 4)
  return head
}
const own = Buffer.from('00000001', 'hex')
const path = Buffer.concat([Buffer.alloc(150), Buffer.from('/Volumes/server/film.mov\0')])
const away = /media is in another file/

/** Videos whose media is in another file. */
export const mp4sWithReferences: readonly CorpusFile[] = [
  corrupt('elsewhere-alias.mp4', away, "media in a file that QuickTime's alias names", () => reference(box('alis', Buffer.alloc(4), path))),
  corrupt('elsewhere-resource.mp4', away, 'media in a resource of another file', () => reference(box('rsrc', Buffer.alloc(4), path))),
  corrupt('elsewhere-name.mp4', away, 'a data reference by name without the flag', () =>
    reference(box('urn ', Buffer.alloc(4), 'urn:film\0')),
  ),
  corrupt('elsewhere-unknown.mp4', away, 'media in a location of an unknown type', () => reference(box('zzzz', Buffer.alloc(4)))),
  corrupt('elsewhere-unsaid.mp4', away, 'media without a data reference', () => reference(box('url ', Buffer.alloc(4)))),
  corrupt('elsewhere-second.mp4', away, 'an external data reference after a valid one', () =>
    reference(box('url ', own), box('url ', Buffer.alloc(4), 'http://x.example/film.mp4\0')),
  ),
  corrupt('elsewhere-flagged.mp4', away, 'a path in spite of the flag: ffmpeg follows it', () => reference(box('alis', own, path))),
  corrupt('references-twice.mp4', /two boxes 'dref'/, 'two boxes of data references', () =>
    edited(original('ff-avc.mp4'), (at, body) =>
      at === 'moov/trak/mdia/minf/dinf'
        ? Buffer.concat([body, box('dref', counted(1), box('url ', Buffer.alloc(4), 'http://x.example/film.mp4\0'))])
        : body,
    ),
  ),
  corrupt('other-movie.mp4', /'rmra' refers to another movie/, 'a reference to another movie, which QuickTime plays', () =>
    edited(original('ff-avc.mp4'), (at, body) =>
      at === 'moov'
        ? Buffer.concat([body, box('rmra', box('rmda', box('rdrf', Buffer.alloc(4), 'url \0\0\0\x1ahttp://x.example/film.mp4\0')))])
        : body,
    ),
  ),
]

const detail = /its media is encrypted/

/** A video whose sample entries of one codec declare encryption. */
const renamed = (file: string, codec: string, encrypted: string) => () =>
  edited(original(file), (path, body) => {
    if (path !== 'moov/trak/mdia/minf/stbl/stsd' || body.toString('latin1', 12, 16) !== codec) return body
    return Buffer.concat([body.subarray(0, 12), Buffer.from(encrypted), body.subarray(16)])
  })

export const encryptedMp4s: readonly CorpusFile[] = [
  corrupt('encrypted.mp4', detail, 'encrypted H.264', renamed('ff-avc.mp4', 'avc1', 'encv')),
  corrupt('encrypted-fragments.mp4', detail, 'encrypted fragments', renamed('ff-fragments.mp4', 'avc1', 'encv')),
  corrupt('encrypted-sound.mp4', detail, 'encrypted audio', renamed('ff-two-sounds.mp4', 'mp4a', 'enca')),
]
