import sharp from 'sharp'
import { type CorpusFile, good, original } from '../corpus-file.ts'
import { appleDouble } from '../surgery/macos.ts'
import { text, type ZipEntry, zipOf } from '../surgery/zip.ts'

const photo = (name = '01.jpg'): ZipEntry => ({ name, data: original('im-baseline.jpg') })
const extra = Buffer.from('5554090003e8d7f865e8d7f865', 'hex')

export const goodZips: readonly CorpusFile[] = [
  good('deflated.zip', 'Info-ZIP, deflated', () => original('zip-deflated.zip')),
  good('stored.zip', 'Info-ZIP, only stored', () => original('zip-stored.zip')),
  good('streamed.zip', 'Info-ZIP, written to a pipe: a data descriptor', () => original('zip-streamed.zip')),
  good('zip64.zip', 'Info-ZIP, everything as Zip64', () => original('zip-zip64.zip')),
  good('comment.zip', 'Info-ZIP, with a comment', () => original('zip-comment.zip')),
  good('7-zip.zip', '7-Zip', () => original('7z-deflated.zip')),
  good('python.zip', "Python's zipfile, a folder, names beyond Latin letters", () => original('python-set.zip')),
  good('one-picture.zip', 'one picture and nothing else', () => zipOf([photo()])),
  good('all-formats.zip', 'JPEG, PNG, WebP and animations together', () =>
    zipOf([
      photo(),
      { name: 'a.png', data: original('ff-animated.png'), method: 8 },
      { name: 'b.webp', data: original('ff-animated.webp') },
      { name: 'C.JPEG', data: original('im-cmyk.jpg') },
    ]),
  ),
  good('captions.zip', 'captions: an empty one, one of words about scripts, one with a byte order mark, JSON', () =>
    zipOf([
      photo(),
      text('01.txt', ''),
      text('02.txt', 'the script of a play, <lora:x:1>'),
      text('03.txt', '\ufeffein Gruß\r\n'),
      text('04.json', '{"caption":"x","on":true}'),
      text('05.json', '\ufeff[]'),
    ]),
  ),
  good('long-caption.zip', 'a caption of exactly 64 KiB, of one word: it compresses to almost nothing', () =>
    zipOf([photo(), { ...text('a.txt', `${'word '.repeat(13_107)}x`), method: 8 }]),
  ),
  good('macos.zip', "macOS's resource forks and `.DS_Store` files beside the files", () =>
    zipOf([
      photo('set/01.jpg'),
      { name: '__MACOSX/set/._01.jpg', data: appleDouble(), method: 8 },
      { name: 'set/.DS_Store', data: original('finder-look.DS_Store'), method: 8 },
      { name: '__MACOSX/', data: Buffer.alloc(0), mode: 0x41ed },
    ]),
  ),
  good('descriptor-unsigned.zip', 'a data descriptor without a signature', () =>
    zipOf([
      { ...photo(), descriptor: 12, method: 8 },
      { ...photo('02.jpg'), descriptor: 12 },
    ]),
  ),
  good('descriptor-wide.zip', 'a data descriptor in 64 bits, with a signature and without', () =>
    zipOf([
      { ...photo(), descriptor: 24, method: 8 },
      { ...photo('02.jpg'), descriptor: 20 },
    ]),
  ),
  good('wide-sizes.zip', 'Zip64 sizes in the local header, not in the directory, as Python writes to a pipe', () => {
    const size = Buffer.alloc(8)
    size.writeUInt32LE(photo().data.length)
    return zipOf([
      {
        ...photo(),
        needs: 45,
        localExtra: Buffer.concat([Buffer.from('01001000', 'hex'), size, size]),
        local: { packedBytes: 0xffff_ffff, unpackedBytes: 0xffff_ffff },
      },
    ])
  }),
  good('last-version.zip', 'a higher required version than necessary', () => zipOf([{ ...photo(), needs: 63 }])),
  good('packed-folder.zip', 'compressed folders, one as written by Java and one that unpacks to nothing', () =>
    zipOf([
      { name: 'a/', data: Buffer.alloc(0), mode: 0x41ed, method: 8, descriptor: 16 },
      { name: 'b/', data: Buffer.alloc(0), mode: 0x41ed, method: 8, packed: Buffer.alloc(0) },
      photo('a/01.jpg'),
    ]),
  ),
  good('extra-fields.zip', 'times and owners in extra fields', () =>
    zipOf([
      { ...photo(), extra },
      { ...photo('2.jpg'), extra },
    ]),
  ),
  good('deep-folders.zip', 'folders in folders', () =>
    zipOf([photo('a/b/c/d/e/f/g/h/01.jpg'), { name: 'a/', data: Buffer.alloc(0), mode: 0x41ed }]),
  ),
  good('no-modes.zip', 'made on a system without file modes', () => zipOf([{ ...photo(), mode: 0 }])),
  good('old-names.zip', 'a name in code page 437', () => zipOf([photo(), { ...photo(), name: Buffer.from('gr\x81\xe1e.jpg', 'latin1') }])),
  good('similar-names.zip', 'names that differ in more than case', () =>
    zipOf([photo('a.jpg'), photo('a.jpeg'), photo('A/a.jpg'), photo('ä.jpg'), photo('ae.jpg')]),
  ),
  good('dots.zip', 'names with harmless dots', () => zipOf([photo('a..b.jpg'), photo('...jpg.jpg'), photo('x/..y/z.jpg')])),
  good('many-small.zip', 'eight hundred captions', () =>
    zipOf([photo(), ...Array.from({ length: 800 }, (_, i) => text(`${i}.txt`, `caption ${i}`))]),
  ),
  good('flat-pictures.zip', 'flat pictures, which compress to a tenth again', async () =>
    zipOf([
      {
        name: 'flat.png',
        data: await sharp({ create: { width: 800, height: 800, channels: 3, background: '#3366aa' } })
          .png({ compressionLevel: 1 })
          .toBuffer(),
        method: 8,
      },
    ]),
  ),
]
