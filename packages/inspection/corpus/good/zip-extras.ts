import { type CorpusFile, good, original } from '../corpus-file.ts'
import { appleDouble, emptyFork } from '../surgery/macos.ts'
import { text, unicodePath, type ZipEntry, zipOf } from '../surgery/zip.ts'

/** Other files of training sets, and variants of names and records that ZIP programs write. */

const photo = (name = '01.jpg'): ZipEntry => ({ name, data: original('im-baseline.jpg') })
const folder = (name: string): ZipEntry => ({ name, data: Buffer.alloc(0), mode: 0x41ed })
const attributes = {
  'com.apple.quarantine': Buffer.from('0081;65e7d8f8;Safari;1A2B3C4D-0000-4000-8000-000000000000'),
  'com.apple.metadata:kMDItemWhereFroms': Buffer.from('bplist00\xa1\x01_\x10\x1bhttps://x.example/photo.jpg\x08\x0a', 'latin1'),
  'com.apple.lastuseddate#PS': Buffer.alloc(16, 5),
}
const allOnes = { entryCount: 0xffff, directoryBytes: 0xffff_ffff, directoryStart: 0xffff_ffff }

export const goodZipExtras: readonly CorpusFile[] = [
  good('bsdtar.zip', 'bsdtar: a data descriptor, names that begin with ./, a table, attributes of Git', () => original('bsdtar-set.zip')),
  good('jar.zip', "Java's jar, without what makes it a program", () => original('jar-set.zip')),
  good('python-streamed.zip', "Python's zipfile, written to a pipe", () => original('python-streamed.zip')),
  good('twins.zip', 'AppleDouble files as written by macOS: with attributes, with an empty resource fork, beside the file', () =>
    zipOf([
      photo('a/01.jpg'),
      { name: '__MACOSX/', data: Buffer.alloc(0), mode: 0x41ed },
      { name: '__MACOSX/a/._01.jpg', data: appleDouble({ attributes }), method: 8 },
      { name: '__MACOSX/._a', data: appleDouble({ attributes, fork: emptyFork() }), method: 8 },
      { name: 'a/._02.jpg', data: appleDouble({ fork: emptyFork() }) },
      { name: 'a/._.DS_Store', data: appleDouble({ attributes: { 'com.apple.FinderInfo': Buffer.alloc(32) } }) },
    ]),
  ),
  good('caption-extension.zip', 'captions named .caption', () => zipOf([photo(), text('01.caption', 'a boat'), text('02.caption', '')])),
  good('list.zip', 'a list of pictures, as Hugging Face has it, with empty lines and names from its folder and from the root', () =>
    zipOf([
      photo('train/01.jpg'),
      photo('train/more/02.jpg'),
      text(
        'train/metadata.jsonl',
        '{"file_name":"01.jpg","text":"file_name: ../x, a \\"quote\\": yes"}\n\n{"file_name":"train/more/02.jpg","tags":["/imagine","path: a"]}\r\n{"file_name":"./more/02.jpg","mask_file_name":null,"path":""}',
      ),
    ]),
  ),
  good('table.zip', 'a table of pictures, with values that are quoted, lines within them, and a byte order mark', () =>
    zipOf([
      photo(),
      photo('a b.jpg'),
      text('metadata.csv', '\ufefffile_name,text\r\n01.jpg,"a ""boat"", two\r\nlines"\r\n"a b.jpg",5" of /etc/passwd\r\n'),
    ]),
  ),
  good('table-no-end.zip', 'a table whose last line does not end, and an empty caption', () =>
    zipOf([photo(), text('metadata.csv', 'file_name,text\n01.jpg,')]),
  ),
  good('list-composed.zip', 'a list whose letters are composed otherwise than the names', () =>
    zipOf([photo('é.jpg'.normalize('NFD')), text('metadata.jsonl', `{"file_name":"${'é.jpg'.normalize('NFC')}"}`)]),
  ),
  good('leftovers.zip', "what Git and Windows leave in folders: a file that keeps it, patterns, attributes, the folder's settings", () =>
    zipOf([
      photo('set/01.jpg'),
      text('set/.gitkeep', ''),
      text('.gitignore', '# see https://git-scm.com/docs/gitignore and ../x\n*.ckpt\n/build\n!keep/\ndata/raw/\n**/cache\n*~\n'),
      text('.gitattributes', '*.jpg filter=lfs diff=lfs merge=lfs -text\nsaved_model/**/* filter=lfs\n'),
      text('desktop.ini', '[ViewState]\r\nMode=\r\nVid=\r\nFolderType=Pictures\r\n'),
      { name: 'set/Desktop.ini', data: Buffer.from('\ufeff[ViewState]\r\nFolderType=Pictures\r\n', 'utf16le') },
    ]),
  ),
  good('dot-names.zip', 'names that begin with ./, as bsdtar writes them', () =>
    zipOf([folder('./'), photo('./01.jpg'), folder('./a/'), photo('./a/./02.jpg'), text('a/02.txt', 'x')]),
  ),
  good('hidden-like-git.zip', 'folders that only look like a repository', () =>
    zipOf([photo('.github/01.jpg'), photo('a.git/02.jpg'), photo('git/03.jpg'), text('.gitx/04.txt', 'x')]),
  ),
  good('other-extensions.zip', 'pictures with extensions of other accepted formats', () =>
    zipOf([
      { name: '01.png', data: original('im-baseline.jpg') },
      { name: '02.jpg', data: original('ff-rgb24.png') },
      { name: '03.jpeg', data: original('cwebp-lossy.webp') },
    ]),
  ),
  good('second-name.zip', 'a name in code page 437, and the same in Unicode, as written by Info-ZIP and WinZip', () => {
    const name = Buffer.from('gr\x81\xe1e.jpg', 'latin1')
    return zipOf([{ ...photo(), name, extra: unicodePath(name, 'grüße.jpg') }])
  }),
  good('second-name-checksum.zip', 'a second name whose checksum is wrong, as some writers make it', () =>
    zipOf([{ ...photo('%U00FC.jpg'), extra: unicodePath('%U00FC.jpg', 'ü.jpg', 77) }]),
  ),
  good('utf8-once.zip', 'a plain name that declares UTF-8 in the directory alone, as some office programs write it', () => {
    const zip = zipOf([photo()])
    zip.writeUInt16LE(0, 6)
    return zip
  }),
  good('wide-end.zip', 'a Zip64 end record with a complete end record', () => zipOf([photo()], { wide: {} })),
  good('wide-end-alone.zip', 'a Zip64 end record to which all fields of the end record refer', () =>
    zipOf([photo()], { wide: {}, ...allOnes }),
  ),
  good('long-comment.zip', 'a comment as long as one can be', () => zipOf([photo()], { comment: Buffer.alloc(65_535, 'a comment ') })),
  good('windows.zip', "made on Windows: an archive's attribute, a folder's", () =>
    zipOf([
      { ...photo('a/01.jpg'), mode: 0, madeOn: 0, dosAttributes: 0x20 },
      { name: 'a/', data: Buffer.alloc(0), mode: 0, madeOn: 10, dosAttributes: 0x2010 },
      { ...photo('02.jpg'), mode: 0x8000 | 0o644, madeOn: 0, dosAttributes: 0x8020 },
    ]),
  ),
]
