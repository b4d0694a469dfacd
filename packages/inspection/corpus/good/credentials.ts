import { type CorpusFile, good, original } from '../corpus-file.ts'

const places: Readonly<Record<string, string>> = {
  jpg: 'application segments',
  png: 'a chunk',
  webp: 'a chunk of a WebP',
  mp4: 'a uuid box',
  'fragments.mp4': 'a uuid box before fragments',
}

const all = Object.keys(places)

const kinds: readonly (readonly [name: string, why: string, formats?: readonly string[]])[] = [
  ['signed', 'content credentials'],
  ['another', 'content credentials of another file'],
  ['thumbnail', 'content credentials with a thumbnail'],
  ['two', 'content credentials of two programs, the first being an ingredient of the second'],
  ['cawg', 'content credentials with the identity of a person and a wish about training (CAWG)'],
  ['timestamp', 'content credentials with a timestamp', ['jpg', 'mp4']],
  ['blocks', 'content credentials with a hash of each block of the media', ['mp4']],
  ['covered', 'content credentials whose hash includes free boxes', ['mp4', 'fragments.mp4']],
  ['segments', 'content credentials of more than 64 KiB', ['jpg']],
  ['remote', 'the address of content credentials instead of them', ['jpg']],
  ['remote-too', 'the address of content credentials beside them', ['jpg']],
  ['unknown', 'content credentials by another authority'],
  ['expired', 'content credentials with an expired certificate'],
  ['expired-timestamp', 'content credentials with an expired certificate and a timestamp', ['jpg', 'mp4']],
]

/** Files that c2pa-python signed; see `make-credentials.py`. `credentials.ts` says what is expected of the credentials themselves. */
export const credentialFiles: readonly CorpusFile[] = kinds.flatMap(([name, why, formats = all]) =>
  formats.map((format) =>
    good(`credentials-${name}.${format}`, `${why}, in ${places[format]}`, () => original(`credentials/${name}.${format}`)),
  ),
)
