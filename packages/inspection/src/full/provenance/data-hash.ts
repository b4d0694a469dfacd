import { createHash, timingSafeEqual } from 'node:crypto'
import type { ContentBinding } from '@airlock/domain'
import type { ByteRange } from '../byte-range.ts'
import { type ActiveManifest, addressOf, bytesOf, countOf, has, listOf, objectOf, type Untrusted } from './answer.ts'
import type { FoundCredentials } from './picture-credentials.ts'

/** The algorithms of C2PA, which Node calls the same. */
const algorithms: readonly unknown[] = ['sha256', 'sha384', 'sha512']

/** The algorithm of an assertion, or else of its claim; null if it is unknown. */
export function algorithmOf({ alg }: Untrusted, { manifest }: ActiveManifest): string | null {
  const named = alg ?? objectOf(manifest['claim.v2'] ?? manifest.claim).alg ?? 'sha256'
  return algorithms.includes(named) ? String(named) : null
}

/** The label of the one assertion that binds the manifest to the bytes; null if there is none, or several. */
export function bindingOf(active: ActiveManifest): string | null {
  const labels = Object.keys(objectOf(active.manifest.assertions)).filter((label) => label.startsWith('c2pa.hash.'))
  const [only = null, second] = labels
  return second === undefined ? only : null
}

/** Whether the claim contains the hash of the assertion, so that its signature covers it. */
export const isSigned = (active: ActiveManifest, label: string): boolean =>
  has(active.success, 'assertion.hashedURI.match', addressOf(active, `c2pa.assertions/${label}`))

/**
 * Whether the active manifest of a picture covers all of its bytes, other than the credentials themselves (`c2pa.hash.data`).
 *
 * Besides the library's verdict, the hash is computed here, so that nothing depends on how the library treats overlapping ranges. Other kinds of hashes
 * (`c2pa.hash.boxes`), and manifests that only update another one, are not checked: the library's verdict on them does not say what they leave out.
 */
export function pictureBinding(bytes: Buffer, active: ActiveManifest, found: FoundCredentials): ContentBinding {
  if (active.failure.some(({ code }) => /^assertion\.(dataHash|boxesHash)\.mismatch$/.test(code))) return 'unbound'
  const label = bindingOf(active)
  if (label !== 'c2pa.hash.data' || active.manifest.isUpdateManifest !== false || !isSigned(active, label)) return 'not_checked'
  if (!has(active.success, 'assertion.dataHash.match', addressOf(active, `c2pa.assertions/${label}`))) return 'not_checked'
  const assertion = objectOf(objectOf(active.manifest.assertions)[label])
  const excluded = excludedRanges(assertion.exclusions)
  const signed = bytesOf(assertion.hash)
  const algorithm = algorithmOf(assertion, active)
  if (!excluded || !signed || !algorithm) return 'not_checked'
  const isCredentials = excluded.every((range) => isInside(range, found.ranges))
  return found.stores === 1 && isCredentials && isEqual(hashWithout(bytes, excluded, algorithm), signed) ? 'bound' : 'unbound'
}

function excludedRanges(value: unknown): ByteRange[] | null {
  const ranges: ByteRange[] = []
  for (const exclusion of listOf(value)) {
    const [start, length] = [countOf(objectOf(exclusion).start), countOf(objectOf(exclusion).length)]
    if (start === null || length === null) return null
    ranges.push({ start, end: start + length })
  }
  return ranges.sort((a, b) => a.start - b.start)
}

/** @param places in the order of the file */
function isInside({ start, end }: ByteRange, places: readonly ByteRange[]): boolean {
  let at = start
  for (const place of places) if (place.start <= at && at < place.end) at = place.end
  return at >= end
}

/** @param excluded in order */
function hashWithout(bytes: Buffer, excluded: readonly ByteRange[], algorithm: string): Buffer {
  const hash = createHash(algorithm)
  let at = 0
  for (const { start, end } of excluded) {
    if (start > at) hash.update(bytes.subarray(at, start))
    at = Math.max(at, end)
  }
  return hash.update(bytes.subarray(at)).digest()
}

export const isEqual = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
