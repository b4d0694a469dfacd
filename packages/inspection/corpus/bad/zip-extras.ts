import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { appleDouble, emptyFork } from '../surgery/macos.ts'
import { elf, html, pe, php } from '../surgery/payloads.ts'
import { type ZipEntry, zipOf } from '../surgery/zip.ts'

/** Files beside the pictures of a training set that violate the rules for ignored files. */

const refused = bad('archive_not_allowed')
const inside = bad('archive_entry_rejected')

const photo = (name = '01.jpg'): ZipEntry => ({ name, data: original('im-baseline.jpg') })
const holding = (name: string, data: Buffer | string) => zipOf([photo(), { name, data: Buffer.from(data as string), method: 8 }])
const notOfMacos = /it is not in the format that macOS writes under this name/

const macos: readonly CorpusFile[] = [
  inside('macos-other-name.zip', notOfMacos, 'a text among the AppleDouble files that macOS adds', () =>
    holding('__MACOSX/notes.txt', 'x'),
  ),
  inside('macos-picture.zip', notOfMacos, 'a picture among the AppleDouble files', () =>
    holding('__MACOSX/a.jpg', original('im-baseline.jpg')),
  ),
  inside('macos-double-name.zip', notOfMacos, "an AppleDouble file whose name does not begin with '._'", () =>
    holding('__MACOSX/model.pkl', appleDouble()),
  ),
  inside('macos-head-only.zip', notOfMacos, 'the first bytes of AppleDouble, and then a program', () =>
    holding('__MACOSX/._a.jpg', Buffer.concat([Buffer.from('0005160700020000', 'hex'), elf()])),
  ),
  inside('macos-behind.zip', notOfMacos, 'bytes after the last section of AppleDouble', () =>
    holding('__MACOSX/._a.jpg', appleDouble({ trailing: Buffer.from('more than metadata') })),
  ),
  inside('macos-data-fork.zip', notOfMacos, "a file's contents in AppleDouble, which only AppleSingle has", () =>
    holding('._a.jpg', appleDouble({ fork: pe(), kind: 1 })),
  ),
  inside('macos-no-fork.zip', notOfMacos, 'a resource fork with a program instead of resources', () =>
    holding('__MACOSX/._a.jpg', appleDouble({ fork: elf() })),
  ),
  inside('macos-empty.zip', notOfMacos, 'an empty AppleDouble file', () => holding('__MACOSX/._a.jpg', '')),
  inside('macos-program.zip', /'its metadata'|a program for Linux in its metadata/, 'a program in an extended attribute', () =>
    holding('__MACOSX/._a.jpg', appleDouble({ attributes: { 'com.apple.metadata:x': elf() }, fork: emptyFork() })),
  ),
  inside('macos-page.zip', /in its metadata/, 'a page in an extended attribute', () =>
    holding('._a.jpg', appleDouble({ attributes: { comment: html() } })),
  ),
  inside('look-head-only.zip', notOfMacos, "the first bytes of the Finder's file, and then zeros", () =>
    holding('.DS_Store', Buffer.concat([Buffer.from('0000000142756431', 'hex'), Buffer.alloc(6000)])),
  ),
  inside('look-double.zip', notOfMacos, "AppleDouble by the name of the Finder's file", () => holding('.DS_Store', appleDouble())),
  inside('look-php.zip', /PHP code in its metadata/, "PHP in the Finder's file, outside of all records", () => {
    const look = Buffer.from(original('finder-look.DS_Store'))
    php().copy(look, look.length - 200)
    return holding('.DS_Store', look)
  }),
]

const lists: readonly CorpusFile[] = [
  inside('list-stray.zip', /line 2 names 'b\.jpg', which is not in the archive/, 'a list of a picture that is missing', () =>
    holding('metadata.jsonl', '{"file_name":"01.jpg","text":"a"}\n{"file_name":"b.jpg","text":"b"}\n'),
  ),
  inside('list-up.zip', /names '\.\.\/\.\.\/etc\/passwd'/, 'a list that leads out of the archive', () =>
    holding('metadata.jsonl', '{"file_name":"../../etc/passwd"}'),
  ),
  inside('list-address.zip', /names 'https:\/\/x\.example\/a\.jpg'/, 'a list of pictures elsewhere', () =>
    holding('metadata.jsonl', '{"file_name":"https://x.example/a.jpg"}'),
  ),
  inside('list-nested.zip', /names '\/etc\/passwd'/, 'a name deeper in a record, in a list', () =>
    holding('metadata.jsonl', '{"file_name":"01.jpg","more":[{"mask_file_names":["01.jpg","/etc/passwd"]}]}'),
  ),
  inside('list-key-twice.zip', /line 1 has a duplicate key/, 'a duplicate key, of which readers use one or the other', () =>
    holding('metadata.jsonl', '{"file\\u005fname":"../x.py","file_name":"01.jpg"}'),
  ),
  inside('list-no-object.zip', /line 2 is not a JSON object/, 'a line that is not an object', () =>
    holding('metadata.jsonl', '{"file_name":"01.jpg"}\n["01.jpg"]'),
  ),
  inside('list-no-json.zip', /line 1 is not a JSON object/, 'a line that is not JSON', () =>
    holding('metadata.jsonl', "{'file_name': '01.jpg'}"),
  ),
  inside('table-stray.zip', /line 3 names 'c\.jpg'/, 'a table of a picture that is missing', () =>
    holding('metadata.csv', 'file_name,text\r\n01.jpg,a\r\nc.jpg,b\r\n'),
  ),
  inside('table-second-column.zip', /names '\/etc\/passwd'/, 'another column that names files', () =>
    holding('metadata.csv', 'file_name,image_path\n01.jpg,/etc/passwd\n'),
  ),
  inside('table-ragged.zip', /line 2 has 3 values for 2 columns/, 'more values than columns', () =>
    holding('metadata.csv', 'file_name,text\n01.jpg,a,b\n'),
  ),
  inside('table-open-quote.zip', /line 2 is not valid CSV/, 'a quote that does not end', () =>
    holding('metadata.csv', 'file_name,text\n01.jpg,"a\n'),
  ),
  inside('table-binary.zip', /not UTF-8 text/, 'a table that is a program', () => holding('metadata.csv', pe())),
  refused('list-other-name.zip', /'captions\.jsonl' is neither/, 'a list with an unknown name', () =>
    holding('captions.jsonl', '{"file_name":"01.jpg"}'),
  ),
]

const leftovers: readonly CorpusFile[] = [
  refused('thumbs.zip', /'a\/Thumbs\.db' contains previews that Windows stores.*zip -d/, "Windows' previews", () =>
    holding('a/Thumbs.db', Buffer.from('d0cf11e0a1b11ae1', 'hex')),
  ),
  refused('git-hook.zip', /in the folder '\.git'/, 'a hook of a repository named like a caption', () =>
    holding('.git/hooks/post-checkout.txt', 'x'),
  ),
  refused('git-picture.zip', /in the folder '\.git'/, 'a picture in a repository of a submodule', () =>
    holding('sub/.GIT/modules/a.jpg', original('im-baseline.jpg')),
  ),
  refused('git-folder.zip', /in the folder '\.git'/, 'the folder of a repository, empty', () =>
    zipOf([photo(), { name: '.git/', data: Buffer.alloc(0), mode: 0x41ed }]),
  ),
  refused('git-short.zip', /in the folder '\.git'/, 'the same folder by the name that Windows gives it too', () =>
    holding('git~1/config.txt', 'x'),
  ),
  refused('git-dots.zip', /in the folder '\.git'/, 'the same folder with trailing characters that Windows ignores', () =>
    holding('.git. /config.txt', 'x'),
  ),
  refused('git-invisible.zip', /in the folder '\.git'/, 'the same folder with an invisible character, which macOS ignores', () =>
    holding('.g\u200cit/config.txt', 'x'),
  ),
  inside('keep-full.zip', /'\.gitkeep': it is not empty/, 'something in a file that keeps a folder', () => holding('.gitkeep', 'x')),
  inside('ignore-path.zip', /contains a path that points outside/, 'patterns of Git that name a file elsewhere', () =>
    holding('.gitignore', '/etc/passwd\n'),
  ),
  inside('attributes-up.zip', /contains a path that points outside/, 'attributes of Git that lead out', () =>
    holding('.gitattributes', '../../x filter=lfs\n'),
  ),
  inside('ignore-binary.zip', /not UTF-8 text/, 'a program named like patterns', () => holding('.gitignore', pe())),
  inside(
    'settings-icon.zip',
    /it contains a path/,
    "folder settings whose icon is on another machine, to which Windows sends the user's password hash",
    () => holding('desktop.ini', '[.ShellClassInfo]\r\nIconResource=\\\\203.0.113.9\\x\\a.ico,0\r\n'),
  ),
  inside('settings-wide.zip', /it contains a path/, 'the same in UTF-16, as Windows writes it', () =>
    holding('desktop.ini', Buffer.from('\ufeff[.ShellClassInfo]\r\nIconFile=C:\\a.ico\r\n', 'utf16le')),
  ),
  inside('settings-binary.zip', /it is not text/, 'folder settings that are a program', () => holding('desktop.ini', elf())),
  refused('read-me.zip', /'README\.md' is neither/, 'a description, which is not one of the ignored files', () =>
    holding('README.md', '# x'),
  ),
  refused('same-but-dot.zip', /two entries have the name '01\.jpg'/, 'the same name twice, once with `./`', () =>
    zipOf([photo(), photo('./01.jpg')]),
  ),
  refused('dot-up.zip', /'\.\.' in its path/, 'a path out after a dot', () => zipOf([photo(), photo('./../01.jpg')])),
  refused('dot-root.zip', /absolute path/, 'an absolute path after a dot', () => zipOf([photo(), photo('.//etc/01.jpg')])),
  refused('dot-drive.zip', /absolute path/, 'a drive after a dot', () => zipOf([photo(), photo('./C:/01.jpg')])),
  refused('dot-last.zip', /empty part/, 'a dot at the end, which is a folder to some', () => zipOf([photo(), photo('01.jpg/.')])),
  inside(
    'other-format.zip',
    /'02\.png' claims to be PNG, but its content is BMP/,
    'a picture by the name of another, of a format that we do not take',
    () => holding('02.png', original('im-still.bmp')),
  ),
]

export const badZipExtras: readonly CorpusFile[] = [...macos, ...lists, ...leftovers]
