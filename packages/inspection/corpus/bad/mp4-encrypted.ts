import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { edited } from '../surgery/mp4.ts'

const corrupt = bad('file_corrupt')
const says = /its media is encrypted/

/** A video whose sample entries of one codec declare encryption. */
const renamed = (file: string, codec: string, encrypted: string) => () =>
  edited(original(file), (path, body) => {
    if (path !== 'moov/trak/mdia/minf/stbl/stsd' || body.toString('latin1', 12, 16) !== codec) return body
    return Buffer.concat([body.subarray(0, 12), Buffer.from(encrypted), body.subarray(16)])
  })

export const encryptedMp4s: readonly CorpusFile[] = [
  corrupt('encrypted.mp4', says, 'encrypted H.264', renamed('ff-avc.mp4', 'avc1', 'encv')),
  corrupt('encrypted-fragments.mp4', says, 'encrypted fragments', renamed('ff-fragments.mp4', 'avc1', 'encv')),
  corrupt('encrypted-sound.mp4', says, 'encrypted audio', renamed('ff-two-sounds.mp4', 'mp4a', 'enca')),
]
