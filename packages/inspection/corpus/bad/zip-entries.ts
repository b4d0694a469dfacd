import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { pe } from '../surgery/payloads.ts'
import { before, chunk } from '../surgery/png.ts'
import { zipOf } from '../surgery/zip.ts'

const inside = bad('archive_entry_rejected')
const jpeg = () => original('im-baseline.jpg')
const holding = (name: string, data: Buffer) =>
  zipOf([
    { name: '01.jpg', data: jpeg() },
    { name, data },
  ])

/** Archives with one bad entry beside a good picture. */
export const zipsWithBadEntries: readonly CorpusFile[] = [
  inside(
    'half-picture.zip',
    /because of its entry '02\.jpg': File '02\.jpg' can't be read: it is truncated/,
    'half a picture among whole ones',
    () => holding('02.jpg', jpeg().subarray(0, 700)),
  ),
  inside(
    'zip-as-picture.zip',
    /'02\.jpg' claims to be JPEG, but its content is ZIP/,
    'an archive with the extension .jpg in an archive',
    () => holding('02.jpg', original('zip-stored.zip')),
  ),
  inside('picture-and-zip.zip', /'02\.jpg' continues after its end/, 'a picture with an archive after its end, in an archive', () =>
    holding('02.jpg', Buffer.concat([jpeg(), original('zip-stored.zip')])),
  ),
  inside('php-picture.zip', /'02\.png' contains data that other programs could execute/, 'a picture with PHP in it, in an archive', () =>
    holding('02.png', before(original('ff-rgb24.png'), 'IDAT', chunk('tEXt', 'Comment\0<?php system($_GET[0]); ?>'))),
  ),
  inside('empty-picture.zip', /'02\.jpg' has 0 bytes/, 'a picture without bytes', () => holding('02.jpg', Buffer.alloc(0))),
  inside('bomb-picture.zip', /megapixels in all its frames/, 'a picture that is a bomb, in an archive', () => {
    const bomb = Buffer.from(original('turbo-baseline.jpg'))
    const frame = bomb.indexOf(Buffer.from([0xff, 0xc0]))
    bomb.writeUInt32BE(0xffdc_ffdc, frame + 5)
    return holding('02.jpg', bomb)
  }),
  inside('binary-caption.zip', /'a\.txt': it is not UTF-8 text/, 'a caption that is a program', () => holding('a.txt', pe())),
  inside('latin-caption.zip', /'a\.txt': it is not UTF-8 text/, 'a caption in Latin-1', () =>
    holding('a.txt', Buffer.from('Gr\xfc\xdfe', 'latin1')),
  ),
  inside('utf16-caption.zip', /'a\.txt': it is not UTF-8 text/, 'a caption in UTF-16', () =>
    holding('a.txt', Buffer.from('caption', 'utf16le')),
  ),
  inside('json-caption.zip', /'a\.json': it is not valid JSON/, 'invalid JSON', () => holding('a.json', Buffer.from('{caption: x}'))),
  inside(
    'false-macos.zip',
    /'__MACOSX\/\._a': it is not in the format that macOS writes/,
    'a program where macOS keeps its resource forks',
    () => holding('__MACOSX/._a', pe()),
  ),
]
