import type { ByteRange } from '../byte-range.ts'
import type { Box, BoxReader } from '../video/box-reader.ts'
import { bytesOf, countOf, objectOf, type Untrusted } from './answer.ts'

/** A box of the top level, and what the hash leaves out of it; `whole`: also its position. */
export interface HashedBox {
  readonly box: Box
  readonly whole: boolean
  /** In order, without overlaps. */
  readonly excluded: readonly ByteRange[]
}

/** Boxes of the top level that begin with a version and flags (ISO/IEC 14496-12). */
const fullBoxes: ReadonlySet<string> = new Set(['sidx', 'ssix', 'emsg', 'prft', 'meta', 'pssh'])

const maxExclusions = 100
const maxDataBytes = 1024

/**
 * Applies the exclusions of `c2pa.hash.bmff` to the boxes of the top level (C2PA 2.2, section 18.7).
 *
 * @returns null if an exclusion is malformed, or refers to a box inside of another one, which the current versions of the hash do not need
 */
export async function applyExclusions(
  boxes: BoxReader,
  topLevel: readonly Box[],
  exclusions: readonly unknown[],
): Promise<HashedBox[] | null> {
  if (exclusions.length > maxExclusions) return null
  const rules = exclusions.map(objectOf)
  if (!rules.every(({ xpath }) => typeof xpath === 'string' && /^\/[^/[\]]{4}$/.test(xpath))) return null
  const hashed: HashedBox[] = []
  for (const box of topLevel) {
    let whole = false
    const excluded: ByteRange[] = []
    for (const rule of rules) {
      if (rule.xpath !== `/${box.type}`) continue
      const matches = await isMatch(boxes, box, rule)
      if (matches === null) return null
      if (!matches) continue
      const ranges = rangesIn(box, rule)
      if (ranges === null) return null
      whole ||= absent(rule.subset)
      excluded.push(...ranges)
    }
    hashed.push({ box, whole, excluded: merged(whole ? [{ start: box.start, end: box.end }] : excluded) })
  }
  return hashed
}

/** CBOR has both null and absent fields. */
const absent = (value: unknown): boolean => value === undefined || value === null

/** Whether the box fulfils all conditions of the rule; null if one of them is malformed or unknown for this box. */
async function isMatch(boxes: BoxReader, box: Box, { length, version, flags, exact, data }: Untrusted): Promise<boolean | null> {
  if (!absent(length) && countOf(length) !== box.end - box.start) return countOf(length) === null ? null : false
  if (!absent(version) || !absent(flags)) {
    if (!fullBoxes.has(box.type) || box.end - box.body < 4) return null
    const head = await boxes.contents(box, 4)
    if (!absent(version) && version !== head[0]) return false
    const wanted = absent(flags) ? null : bytesOf(flags)
    if (!absent(flags) && wanted?.length !== 3) return null
    if (wanted && !haveFlags(head.readUIntBE(1, 3), wanted.readUIntBE(0, 3), exact !== false)) return false
  }
  if (absent(data)) return true
  if (!Array.isArray(data) || data.length > maxExclusions) return null
  for (const condition of data.map(objectOf)) {
    const [offset, value] = [countOf(condition.offset), bytesOf(condition.value)]
    if (offset === null || value === null || value.length > maxDataBytes) return null
    if (box.start + offset + value.length > box.end) return false
    if (!(await boxes.bytes(box.start + offset, value.length)).equals(value)) return false
  }
  return true
}

const haveFlags = (flags: number, wanted: number, exactly: boolean): boolean => (exactly ? flags === wanted : (flags & wanted) === wanted)

/** Parts of the box, by offsets from its beginning; length 0 means up to its end. */
function rangesIn(box: Box, { subset }: Untrusted): ByteRange[] | null {
  if (absent(subset)) return []
  if (!Array.isArray(subset) || subset.length > maxExclusions) return null
  const ranges: ByteRange[] = []
  for (const part of subset.map(objectOf)) {
    const [offset, length] = [countOf(part.offset), countOf(part.length)]
    if (offset === null || length === null) return null
    const start = box.start + offset
    if (start < box.end) ranges.push({ start, end: length === 0 ? box.end : Math.min(box.end, start + length) })
  }
  return ranges
}

function merged(ranges: readonly ByteRange[]): ByteRange[] {
  const result: { start: number; end: number }[] = []
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1)
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end)
    else result.push({ ...range })
  }
  return result
}
