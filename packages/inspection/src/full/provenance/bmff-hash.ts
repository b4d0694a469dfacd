import { createHash } from 'node:crypto'
import type { ContentBinding } from '@airlock/domain'
import type { ByteRange } from '../byte-range.ts'
import type { Box } from '../video/box-reader.ts'
import { type ActiveManifest, bytesOf, listOf, objectOf } from './answer.ts'
import { applyExclusions, type HashedBox } from './bmff-exclusions.ts'
import { provenBlocks } from './bmff-merkle.ts'
import { algorithmOf, bindingOf, isEqual, isSigned } from './data-hash.ts'
import { type HashedVideo, hashRange, hasOnlyZeros } from './hashed-video.ts'
import { isRandomAccess } from './random-access.ts'
import { containsOnlyStore, purposeOf } from './video-credentials.ts'

export interface BmffBinding {
  readonly content: ContentBinding
  /** Whether the bytes contradict the hash, so that the credentials are invalid. */
  readonly contradicts: boolean
}

const notChecked: BmffBinding = { content: 'not_checked', contradicts: false }
const contradiction: BmffBinding = { content: 'unbound', contradicts: true }

/** Versions of the hash in which the position of each box is hashed. The first version is deprecated, because boxes could be exchanged. */
const labels: ReadonlySet<string> = new Set(['c2pa.hash.bmff.v2', 'c2pa.hash.bmff.v3'])

/**
 * Whether the active manifest of a video covers all of its bytes. Reads the whole file.
 *
 * The specification lets the hash leave out any box. Only what can't contain anything may be left out of a bound file: the brands, which are
 * inspected; the credentials themselves; boxes `free` and `skip` with zeros; positions for seeking. Everything else that is left out makes the file
 * `unbound`.
 */
export async function videoBinding(video: HashedVideo, active: ActiveManifest): Promise<BmffBinding> {
  const label = bindingOf(active)
  if (label === null || !labels.has(label) || active.manifest.isUpdateManifest !== false || !isSigned(active, label)) return notChecked
  const assertion = objectOf(objectOf(active.manifest.assertions)[label])
  const signed = bytesOf(assertion.hash)
  const algorithm = algorithmOf(assertion, active)
  const hashed = await applyExclusions(video.boxes, video.topLevel, listOf(assertion.exclusions))
  if (!signed || !algorithm || !hashed) return notChecked
  if (!isEqual(await hashOf(video, hashed, algorithm), signed)) return contradiction
  const blocks = await provenBlocks(video, listOf(assertion.merkle), algorithm)
  if (blocks === 'contradiction') return contradiction
  if (blocks === null || (await hasNodes(video))) return notChecked
  const isCovered = await everyBoxIsCovered(video, hashed, blocks)
  return { content: isCovered ? 'bound' : 'unbound', contradicts: false }
}

/** Each box that is not left out as a whole is preceded by its position in 64 bits; padding after the last box is hashed too. */
async function hashOf(video: HashedVideo, hashed: readonly HashedBox[], algorithm: string): Promise<Buffer> {
  const hash = createHash(algorithm)
  const position = Buffer.alloc(8)
  let end = 0
  for (const { box, whole, excluded } of hashed) {
    end = box.end
    if (whole) continue
    position.writeBigUInt64BE(BigInt(box.start))
    hash.update(position)
    let at = box.start
    for (const range of excluded) {
      await hashRange(video, hash, { start: at, end: range.start })
      at = range.end
    }
    await hashRange(video, hash, { start: at, end: box.end })
  }
  await hashRange(video, hash, { start: end, end: video.boxes.fileBytes })
  return hash.digest()
}

/** Nodes of a Merkle tree in boxes of their own: the blocks are proven without them, but no hash covers these boxes. */
async function hasNodes({ boxes, credentials }: HashedVideo): Promise<boolean> {
  for (const box of credentials) if ((await purposeOf(boxes, box)) === 'merkle') return true
  return false
}

/** @param blocks ranges that a Merkle tree covers */
async function everyBoxIsCovered(video: HashedVideo, hashed: readonly HashedBox[], blocks: readonly ByteRange[]): Promise<boolean> {
  for (const { box, whole, excluded } of hashed) {
    if (whole ? !(await mayBeLeftOut(video, box)) : !excluded.every((range) => isInside(range, blocks))) return false
  }
  return true
}

const isInside = ({ start, end }: ByteRange, blocks: readonly ByteRange[]): boolean =>
  blocks.some((block) => block.start <= start && end <= block.end)

async function mayBeLeftOut(video: HashedVideo, box: Box): Promise<boolean> {
  if (box.type === 'ftyp') return true
  if (box.type === 'free' || box.type === 'skip') return hasOnlyZeros(video, box)
  if (box.type === 'mfra') return isRandomAccess(video, box)
  const [only, second] = video.credentials
  return box === only && second === undefined && containsOnlyStore(video.boxes, box)
}
