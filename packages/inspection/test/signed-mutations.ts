import { readFileSync } from 'node:fs'
import { bytesInMemory, claimedTypeOf, type Provenance } from '@airlock/domain'
import { defaultLimits, inspect } from '@airlock/inspection/full'
import { signedFiles } from '../corpus/credentials.ts'
import { type SignedFormat, withCredentials } from '../corpus/surgery/credentials.ts'
import { boxesOf } from '../corpus/surgery/mp4.ts'
import { type Mutant, mutantsOf } from './mutations.ts'

const trustPem = readFileSync(new URL('../corpus/originals/credentials/root.pem', import.meta.url), 'utf8')
const limits = { ...defaultLimits, provenance: { trustPem, policy: {} } }

/** Files whose credentials hold. */
const originals = signedFiles
  .filter(({ name }) => /\/(signed|two|timestamp|cawg|thumbnail|covered)$/.test(name))
  .map(({ name, make }) => ({ file: name, bytes: make() }))
const originalOf = new Map(originals.map(({ file, bytes }) => [file, bytes]))

type PresentProvenance = Extract<Provenance, { present: true }>

const formatOf = (file: string) => file.slice(0, file.indexOf('/')) as SignedFormat

/** Mutants of signed files. Of two, one is mutated anywhere, and one in its credentials alone, whose container stays intact. */
export function signedMutants(): (seed: number) => Mutant {
  const anywhere = mutantsOf(originals)
  return (seed) => {
    const mutant = anywhere(seed)
    if (seed % 2 === 0) return mutant
    const original = originalOf.get(mutant.file) as Buffer
    let { mutation } = mutant
    const bytes = withCredentials(original, formatOf(mutant.file), (jumbf) => {
      const inside = mutantsOf([{ file: mutant.file, bytes: jumbf }])(seed)
      mutation = inside.mutation
      return inside.bytes
    })
    return { ...mutant, mutation: `credentials: ${mutation}`, bytes }
  }
}

async function provenanceOf(file: string, bytes: Buffer): Promise<Provenance | undefined> {
  const filename = `film.${formatOf(file).split('.').at(-1)}`
  const assetType = filename.endsWith('mp4') ? 'generated_video' : 'brand_image'
  const verdict = await inspect(bytesInMemory(bytes), { filename, mediaType: claimedTypeOf(filename) ?? 'image/jpeg', assetType }, limits)
  return verdict.ok ? verdict.facts.provenance : undefined
}

export interface SignedVerdict {
  readonly state: string
  /** What is wrong about the verdict. */
  readonly wrong: string | null
  /** CPU time. */
  readonly cpuMs: number
}

/**
 * Judges a mutant. One may be valid only if it says the same as its honest file; and bound only if it contains the same, apart from the credentials.
 *
 * @throws errors that are not verdicts: bugs
 */
export async function judgeSigned({ file, bytes }: Mutant): Promise<SignedVerdict> {
  const before = process.cpuUsage()
  const found = await provenanceOf(file, bytes)
  const { user, system } = process.cpuUsage(before)
  const cpuMs = (user + system) / 1000
  if (!found?.present) return { state: found ? 'absent' : 'rejected', wrong: null, cpuMs }
  const { state, content } = found
  if (state !== 'valid' && state !== 'trusted') return { state, wrong: null, cpuMs }
  const honest = (await provenanceOf(file, honestFileOf(file, bytes))) as PresentProvenance
  if (says(found) !== says(honest) && !saysLess(found, honest)) return { state, wrong: `${state}, but says ${says(found)}`, cpuMs }
  const isSame = content !== 'bound' || signedPart(file, bytes).equals(signedPart(file, originalOf.get(file) as Buffer))
  return { state, wrong: isSame ? null : `${state} and bound, but its content differs`, cpuMs }
}

const says = ({ generator, digital_source_type, signer, signed_at }: PresentProvenance) =>
  JSON.stringify([generator, digital_source_type, signer, signed_at])

/**
 * The file whose statement a mutant may repeat. A file with two manifests had been one with the first alone: a mutant whose credentials are exactly the
 * first manifest, whatever length they state, is that file again.
 */
function honestFileOf(file: string, bytes: Buffer): Buffer {
  const original = originalOf.get(file) as Buffer
  const before = file.endsWith('/two') ? originalOf.get(file.replace('/two', '/signed')) : undefined
  return before && manifestsOf(file, bytes).equals(manifestsOf(file, before)) ? before : original
}

/** The credentials without the length that they begin with. */
function manifestsOf(file: string, bytes: Buffer): Buffer {
  let manifests: Buffer = Buffer.alloc(0)
  withCredentials(bytes, formatOf(file), (credentials) => {
    manifests = credentials.subarray(4)
    return credentials
  })
  return manifests
}

/** A damaged timestamp, which is outside of what is signed, proves nothing more; everything else is signed. */
const saysLess = (found: PresentProvenance, honest: PresentProvenance): boolean =>
  found.signed_at === null && JSON.stringify({ ...honest, signed_at: null }) === JSON.stringify(found)

/** What the hash covers: of a picture everything but the credentials, of a video also not the brands and zeros. */
function signedPart(file: string, bytes: Buffer): Buffer {
  const format = formatOf(file)
  if (!format.endsWith('mp4')) return withCredentials(bytes, format, () => null)
  const covered = boxesOf(bytes).filter(
    ({ type, body }) => !['ftyp', 'free', 'skip', 'mfra'].includes(type) && body.readUInt32BE(0) !== 0xd8fec3d6,
  )
  return Buffer.concat(covered.flatMap(({ type, body }) => [Buffer.from(type), body]))
}
