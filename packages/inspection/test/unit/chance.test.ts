import { createCipheriv } from 'node:crypto'
import { MiB } from '@airlock/domain'
import { expect, test } from 'vitest'
import type { Part } from '../../src/full/picture/picture-structure.ts'
import { searchSuspicious } from '../../src/full/suspicious/search.ts'
import { type ByteSignature, byteSignatures, type Signature, textSignatures } from '../../src/full/suspicious/signatures.ts'
import { expectedMatches, shortest } from '../patterns/chance.ts'
import { parse } from '../patterns/parse.ts'

const bytes = 10 * MiB
const largestChance = 1e-7

/** Minimum length of printable ASCII in bytes that are not text, as in `text-decoding.ts`. */
const runLength = 32
const printable = 98 / 256

/** The number of fixed bits that the checks in `file-headers.ts` require. */
const confirmedBits: Readonly<Record<string, number>> = {
  // the PE header: four bytes at a 32-bit offset within 10 MiB
  'a program for Windows': 32 + 8,
  // three CPU types of 2^24, 12 file types of 2^32
  'a program for macOS': 22 + 28,
  // four zero bytes for disk numbers, and two equal counts
  'a ZIP or JAR archive': 32 + 16,
  // version, flags, method, length of the name, and a name without control characters
  'a ZIP archive': 2 + 3 + 13 + 6,
}

/** The expected number of matches of a signature in random bytes. */
function expected({ found, pattern, followedBy, confirms }: Signature & Pick<ByteSignature, 'confirms'>): number {
  const once = expectedMatches(parse(pattern)) * bytes
  const followed = followedBy ? Math.min(1, expectedMatches(parse(followedBy)) * bytes) : 1
  const confirmed = confirms ? 2 ** -(confirmedBits[found] ?? 0) : 1
  return once * followed * confirmed
}

/** The same for a signature in texts only: the rest of the run around it must be printable too. */
function expectedInRuns(sign: Signature): number {
  const others = Math.max(0, runLength - shortest(parse(sign.pattern)))
  return expected(sign) * printable ** others * (others + 1)
}

test('random bytes of 10 MiB match any signature in less than one in ten million files', () => {
  const everywhere = [...byteSignatures, ...textSignatures.filter(({ inTextsOnly }) => !inTextsOnly)].map((sign) => ({
    sign,
    chance: expected(sign),
  }))
  const inRuns = textSignatures.filter(({ inTextsOnly }) => inTextsOnly).map((sign) => ({ sign, chance: expectedInRuns(sign) }))
  const all = [...everywhere, ...inRuns]

  expect(all.filter(({ chance }) => chance > largestChance / 2).map(({ sign, chance }) => `${sign.found}: ${chance}`)).toEqual([])
  expect(all.reduce((sum, { chance }) => sum + chance, 0)).toBeLessThan(largestChance)
})

test('nothing suspicious is found in random bytes, in any kind of part', { timeout: 60_000 }, () => {
  const random = randomBytes(4 * MiB)
  const pieces = Array.from({ length: random.length / 65_536 }, (_, i) => random.subarray(i * 65_536, (i + 1) * 65_536))
  const kinds: readonly Part['kind'][] = ['text', 'exif', 'xmp', 'profile', 'pictures', 'other']
  const parts = pieces.map((piece, i): Part => ({ where: `part ${i}`, kind: kinds[i % kinds.length] ?? 'other', bytes: piece, at: 0 }))

  expect(() => searchSuspicious(random, parts)).not.toThrow()
})

/** Reproducible random bytes: encrypted zeros. */
function randomBytes(length: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 'a fixed key 1234'), Buffer.alloc(16)).update(Buffer.alloc(length))
}
