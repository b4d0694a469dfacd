import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bytesInMemory, claimedTypeOf } from '@airlock/domain'
import { defaultLimits, type Inspection, inspect } from '@airlock/inspection/full'
import { corpusFolder } from '../corpus/cache.ts'
import { manifest } from '../corpus/manifest.ts'

/** Pseudo-random numbers that are determined by a seed (xorshift32). */
function numbersOf(seed: number): (below: number) => number {
  let state = Math.imul(seed, 2_654_435_761) >>> 0 || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
  for (let i = 0; i < 8; i++) next()
  return (below) => (below <= 0 ? 0 : next() % below)
}

type Mutation = (bytes: Buffer, below: (limit: number) => number, other: Buffer) => Buffer

const concat = (...parts: Uint8Array[]) => Buffer.concat(parts)
const lengths = [0, 1, 7, 8, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_fff7, 0xffff_ffff]

/** Patterns of the beginnings of chunks, segments, boxes or entries. */
function pieces(bytes: Buffer): number[] {
  const found: number[] = []
  const text = bytes.toString('latin1')
  const marks = /[\xff][\xc0-\xcf\xda-\xfe]|PK[^A-Za-z]{2}|[a-zA-Z]{3}[a-zA-Z8 ]/g
  for (const { index } of text.matchAll(marks)) if (found.length < 4000) found.push(index)
  return found.length > 1 ? found : [0, bytes.length]
}

/** Mutations: transmission errors and deliberate manipulations. */
const mutations: Readonly<Record<string, Mutation>> = {
  'bits flipped': (bytes, below) => {
    const copy = Buffer.from(bytes)
    for (let i = 1 + below(8); i > 0; i--) {
      const at = below(copy.length)
      copy[at] = (copy[at] ?? 0) ^ (1 << below(8))
    }
    return copy
  },
  'bytes overwritten': (bytes, below) => {
    const copy = Buffer.from(bytes)
    for (let i = 1 + below(4); i > 0; i--) copy.fill(below(256), below(copy.length), below(copy.length))
    return copy
  },
  'bits flipped near the beginning': (bytes, below) => {
    const copy = Buffer.from(bytes)
    for (let i = 1 + below(3); i > 0; i--) {
      const at = below(Math.min(200, copy.length))
      copy[at] = (copy[at] ?? 0) ^ (1 << below(8))
    }
    return copy
  },
  'cut off': (bytes, below) => bytes.subarray(0, below(bytes.length)),
  'a piece cut out': (bytes, below) => {
    const from = below(bytes.length)
    return concat(bytes.subarray(0, from), bytes.subarray(from + 1 + below(bytes.length - from)))
  },
  'a piece doubled': (bytes, below) => {
    const from = below(bytes.length)
    const to = from + below(bytes.length - from)
    return concat(bytes.subarray(0, to), bytes.subarray(from))
  },
  'noise put in': (bytes, below) => {
    const at = below(bytes.length)
    return concat(bytes.subarray(0, at), Buffer.from(Array.from({ length: 1 + below(64) }, () => below(256))), bytes.subarray(at))
  },
  'spliced with another file': (bytes, below, other) => concat(bytes.subarray(0, below(bytes.length)), other.subarray(below(other.length))),
  'a length changed': (bytes, below) => {
    const copy = Buffer.from(bytes)
    const at = pieces(copy)
    const piece = at[below(at.length)] ?? 0
    const value = lengths[below(lengths.length)] ?? 0
    const place = piece + ([-4, 2, 4, 0, 8][below(5)] ?? 0)
    if (place < 0 || place + 4 > copy.length) return copy
    if (below(2) === 0) copy.writeUInt32BE(value, place)
    else copy.writeUInt16BE(value & 0xffff, place)
    return copy
  },
  'pieces swapped': (bytes, below) => {
    const at = pieces(bytes)
    const first = below(at.length - 1)
    const second = first + below(at.length - first)
    const [a = 0, b = a, c = b, d = c] = [at[first], at[first + 1], at[second], at[second + 1] ?? bytes.length].map((each) => each ?? 0)
    if (!(a < b && b <= c && c < d)) return bytes.subarray(0, a)
    return concat(bytes.subarray(0, a), bytes.subarray(c, d), bytes.subarray(b, c), bytes.subarray(a, b), bytes.subarray(d))
  },
}

/** A mutated good file. */
export interface Mutant {
  readonly seed: number
  readonly file: string
  readonly mutation: string
  readonly bytes: Buffer
}

/** Larger files would make the runs longer without finding more. */
const maxBytes = 30_000

/** Creates the mutant of each seed, which is always the same. */
export async function mutantMaker(): Promise<(seed: number) => Mutant> {
  const folder = await corpusFolder()
  const originals = manifest
    .filter(({ expect }) => expect === 'completed')
    .map(({ file }) => ({ file, bytes: readFileSync(join(folder, file)) }))
    .filter(({ bytes }) => bytes.length <= maxBytes)
  return mutantsOf(originals)
}

/** Creates the mutant of each seed from some files. */
export function mutantsOf(originals: readonly { readonly file: string; readonly bytes: Buffer }[]): (seed: number) => Mutant {
  const names = Object.keys(mutations)
  return (seed) => {
    const below = numbersOf(seed)
    const { file, bytes } = originals[below(originals.length)] as (typeof originals)[number]
    const other = originals[below(originals.length)] as (typeof originals)[number]
    const mutation = names[below(names.length)] ?? ''
    return { seed, file, mutation, bytes: mutations[mutation]?.(bytes, below, other.bytes) ?? bytes }
  }
}

export interface Judged {
  readonly inspection: Inspection
  /** CPU time, because wall-clock time depends on the load of the machine. */
  readonly cpuMs: number
}

const limits = { ...defaultLimits, maxPixels: 4_000_000, maxUnpackedBytes: 64 * 1024 * 1024 }

/** @throws errors that are not verdicts: bugs */
export async function judge({ file, bytes }: Mutant): Promise<Judged> {
  const filename = file.slice(file.lastIndexOf('/') + 1)
  const mediaType = claimedTypeOf(filename)
  const entry = manifest.find((each) => each.file === file)
  if (mediaType === null || !entry) throw new Error(`${file} is not in the corpus`)
  const before = process.cpuUsage()
  const inspection = await inspect(bytesInMemory(bytes), { filename, mediaType, assetType: entry.as }, limits)
  const { user, system } = process.cpuUsage(before)
  return { inspection, cpuMs: (user + system) / 1000 }
}
