import type { AssetType, ContentBinding, ErrorCode, ProvenanceState } from '@airlock/domain'
import { original } from './corpus-file.ts'
import { credentialsOf, flipped, flippedAt, type SignedFormat, withCredentials } from './surgery/credentials.ts'
import { randomBytes } from './surgery/payloads.ts'
import * as tampering from './surgery/tampering.ts'

/** What is expected of a signed file: null stands for `{ present: false }`. */
export type ExpectedProvenance = { readonly state: ProvenanceState; readonly content: ContentBinding } | null

export interface SignedFile {
  /** For example `jpg/content-changed`. */
  readonly name: string
  readonly filename: string
  readonly as: AssetType
  readonly make: () => Buffer
  /** The structural verdict: `completed`, or the code of its rejection. Files that are rejected have no provenance. */
  readonly inspection: 'completed' | ErrorCode
  readonly withoutTrust: ExpectedProvenance
  /** With `originals/credentials/root.pem` as the list of trusted roots. */
  readonly withRoot: ExpectedProvenance
  /** Why c2pa-python's verdict differs, if it does. */
  readonly differs?: string
}

interface Row {
  readonly name: string
  readonly make: (format: SignedFormat) => Buffer
  readonly expect: readonly [withoutTrust: ExpectedProvenance, withRoot: ExpectedProvenance]
  /** Only these formats. */
  readonly formats?: readonly SignedFormat[]
  /** Formats of which something else is expected. */
  readonly but?: Partial<Record<SignedFormat, Partial<Pick<SignedFile, 'inspection' | 'withoutTrust' | 'withRoot' | 'differs'>>>>
  readonly differs?: string
}

const formats: readonly SignedFormat[] = ['jpg', 'png', 'webp', 'mp4', 'fragments.mp4']
const films: readonly SignedFormat[] = ['mp4', 'fragments.mp4']

const signed = (format: SignedFormat, name = 'signed'): Buffer => original(`credentials/${name}.${format}`)

const is = (state: ProvenanceState, content: ContentBinding): ExpectedProvenance => ({ state, content })
const good = [is('valid', 'bound'), is('trusted', 'bound')] as const
const both = (state: ProvenanceState, content: ContentBinding) => [is(state, content), is(state, content)] as const
const absent = [null, null] as const

/** A row whose files `make-credentials.py` signed as they are. */
const stored = (name: string, expect: Row['expect'], only: readonly SignedFormat[] = formats): Row => ({
  name,
  make: (format) => signed(format, name),
  expect,
  formats: only,
})
const changed = (name: string, change: Readonly<Record<SignedFormat, (file: Buffer) => Buffer>>, expect: Row['expect']): Row => ({
  name,
  make: (format) => change[format](signed(format)),
  expect,
})
const inCredentials = (name: string, edit: (jumbf: Buffer, format: SignedFormat) => Buffer | null, expect: Row['expect']): Row => ({
  name,
  make: (format) => withCredentials(signed(format), format, (jumbf) => edit(jumbf, format)),
  expect,
})

const film = (
  name: string,
  change: (film: Buffer) => Buffer,
  expect: Row['expect'],
  of = 'signed',
  only: readonly SignedFormat[] = films,
): Row => ({ name, make: (format) => change(signed(format, of)), expect, formats: only })

/** Structural inspection rejects it before anyone looks at its credentials. */
const corrupt = { inspection: 'file_corrupt', withoutTrust: null, withRoot: null } as const
const intact = { withoutTrust: good[0], withRoot: good[1] }
const unbound = { withoutTrust: is('invalid', 'unbound'), withRoot: is('invalid', 'unbound') }

const uncovered = [is('valid', 'unbound'), is('trusted', 'unbound')] as const
const leftOut = {
  withoutTrust: uncovered[0],
  withRoot: uncovered[1],
  differs:
    'The signer left this box out of the hash, as c2pa-python does by default: the signature is valid, but the file contains bytes that nobody signed',
} as const

const rows: readonly Row[] = [
  stored('signed', good),
  stored('another', good),
  stored('thumbnail', good),
  stored('two', good),
  {
    ...stored('cawg', good),
    differs:
      'With the root it says Valid, as it has no root for the certificate of the identity. Our state is that of the signer of the claim',
  },
  stored('timestamp', good, ['jpg', 'mp4']),
  {
    ...stored('blocks', [is('valid', 'not_checked'), is('trusted', 'not_checked')], ['mp4']),
    differs:
      'We verify the blocks, but the nodes of their tree are in boxes that no hash covers, so the file may contain more than was signed',
  },
  stored('covered', good, films),
  stored('segments', good, ['jpg']),
  stored('remote-too', good, ['jpg']),
  {
    ...stored('remote', absent, ['jpg']),
    differs:
      'It reports that it may not fetch credentials from the address in the file. To us, the file has none, as for everyone without that address',
  },
  stored('unknown', both('valid', 'bound')),
  stored('expired', both('invalid', 'bound')),
  stored('expired-timestamp', [is('invalid', 'bound'), is('trusted', 'bound')], ['jpg', 'mp4']),

  changed('content-changed', tampering.contentChanged, both('invalid', 'unbound')),
  { ...changed('content-moved', tampering.contentMoved, both('invalid', 'unbound')), but: { mp4: corrupt } },
  { ...changed('bytes-hidden', tampering.bytesHidden, both('invalid', 'unbound')), but: { mp4: leftOut, 'fragments.mp4': leftOut } },
  {
    ...changed('credentials-moved', tampering.credentialsMoved, both('invalid', 'unbound')),
    // A video's hash excludes its credentials by their UUID, wherever they are
    but: { webp: corrupt, mp4: intact, 'fragments.mp4': intact },
  },
  {
    ...changed('credentials-twice', tampering.credentialsTwice, both('unreadable', 'not_checked')),
    but: { jpg: unbound, webp: unbound },
  },
  {
    name: 'bytes-after-credentials',
    make: (format) => tampering.bytesAfterCredentials(signed(format), format),
    expect: both('invalid', 'unbound'),
    but: { mp4: corrupt },
  },

  inCredentials('claim-changed', (jumbf) => flippedAt(jumbf, 'A castle'), both('invalid', 'bound')),
  inCredentials('assertion-changed', (jumbf) => flippedAt(jumbf, 'trainedAlgorithmic'), both('invalid', 'bound')),
  inCredentials('certificate-changed', (jumbf) => flippedAt(jumbf, 'Example Studio'), both('invalid', 'bound')),
  // The signature is the last text of its box
  inCredentials('signature-changed', (jumbf) => flipped(jumbf, jumbf.length - 30), both('invalid', 'bound')),
  inCredentials('box-changed', (jumbf) => flippedAt(jumbf, 'jumb'), both('unreadable', 'not_checked')),
  inCredentials('cut', (jumbf) => jumbf.subarray(0, jumbf.length >> 1), both('unreadable', 'not_checked')),
  inCredentials('removed', () => null, absent),
  inCredentials('of-another', (_jumbf, format) => credentialsOf(signed(format, 'another'), format), both('invalid', 'unbound')),
  {
    ...inCredentials('random', (jumbf) => randomBytes(jumbf.length, 7), both('unreadable', 'not_checked')),
    // Application segments of this number also hold other things, such as the extensions of JPEG XT
    but: { jpg: { withoutTrust: null, withRoot: null } },
  },
  {
    name: 'ingredient-changed',
    make: (format) => withCredentials(signed(format, 'two'), format, (jumbf) => flippedAt(jumbf, 'trainedAlgorithmic')),
    expect: both('invalid', 'bound'),
  },
  {
    name: 'segments-exchanged',
    make: (format) => tampering.segmentsChanged(signed(format, 'segments'), (segments) => segments.toReversed()),
    expect: both('unreadable', 'not_checked'),
    formats: ['jpg'],
  },
  {
    name: 'segment-missing',
    make: (format) => tampering.segmentsChanged(signed(format, 'segments'), (segments) => segments.slice(0, 1)),
    expect: both('unreadable', 'not_checked'),
    formats: ['jpg'],
  },
  inCredentials('empty', () => Buffer.alloc(0), absent),

  { ...film('hidden-in-skip', (signedFilm) => tampering.hiddenIn(signedFilm, 'skip'), uncovered), differs: leftOut.differs },
  { ...film('hidden-in-uuid', tampering.hiddenInUuid, uncovered), differs: leftOut.differs },
  {
    ...film('hidden-in-mfra', (signedFilm) => tampering.hiddenIn(signedFilm, 'mfra'), uncovered),
    differs: 'The contents of this box are not those of an index, at which its parser gives up; the hash leaves the box out',
  },
  film('covered-free-changed', (signedFilm) => tampering.boxChanged(signedFilm, 'free'), both('invalid', 'unbound'), 'covered'),
  film('block-changed', (signedFilm) => tampering.boxChanged(signedFilm, 'mdat', 2000), both('invalid', 'unbound'), 'blocks', ['mp4']),
]

/** Every signed file and its variants, with what is expected of each. `credentials-verdicts.json` has c2pa-python's verdicts on them. */
export const signedFiles: readonly SignedFile[] = rows.flatMap(({ name, make, expect, formats: only = formats, but = {}, differs }) =>
  only.map((format) => ({
    name: `${format}/${name}`,
    filename: `${name}.${format}`,
    as: format.endsWith('mp4') ? ('generated_video' as const) : ('brand_image' as const),
    make: () => make(format),
    inspection: 'completed' as const,
    withoutTrust: expect[0],
    withRoot: expect[1],
    ...(differs === undefined ? {} : { differs }),
    ...but[format],
  })),
)
