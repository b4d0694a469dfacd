import { type ByteSource, bytesInMemory } from '@airlock/domain'
import { inspect } from '@airlock/inspection/full'
import { expect, test } from 'vitest'
import { text, zipOf } from '../../corpus/surgery/zip.ts'
import { outcome } from '../sources.ts'

const MiB = 1024 * 1024

/** A source that records which bytes were read. */
function watched(bytes: Buffer): { source: ByteSource; read: [from: number, to: number][] } {
  const read: [number, number][] = []
  const { size, read: of } = bytesInMemory(bytes)
  return {
    read,
    source: {
      size,
      read: (offset, length) => {
        read.push([offset, Math.min(size, offset + length)])
        return of(offset, length)
      },
      stream: async function* () {
        read.push([0, size])
        yield bytes
      },
    },
  }
}

/** Entries that exceed the total limit by their headers; their data must not be read. */
const large = (count: number, unpackedBytes: number) =>
  zipOf(
    Array.from({ length: count }, (_, i) => ({
      name: `${i}.png`,
      data: Buffer.alloc(0),
      packed: Buffer.alloc(700_000, i),
      method: 8 as const,
      unpackedBytes,
    })),
  )

test.for([
  ['seventy entries of 60 MiB each', () => large(70, 60 * MiB), /unpacks to more than 4 GiB/],
  ['10 001 entries', () => zipOf(Array.from({ length: 10_001 }, (_, i) => text(`${i}.txt`, 'x'.repeat(1000)))), /10001 entries/],
  ['entries of 70 MiB', () => large(20, 70 * MiB), /larger than 64 MiB/],
] as const)(
  'no entry is read if the central directory declares too much: %s',
  { meta: { id: 'archive-size-limit' } },
  async ([, make, detail]) => {
    const bytes = make()
    const { source, read } = watched(bytes)

    const result = outcome(await inspect(source, { filename: 'set.zip', mediaType: 'application/zip', assetType: 'lora_training' }))

    expect(result).toMatch(detail)
    const directory = bytes.indexOf(Buffer.from('504b0102', 'hex'))
    const ofEntries = read.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(to, directory) - from), 0)
    expect(ofEntries).toBeLessThan(directory / 10) // the first bytes of the file, and those that are read together with the directory
  },
)
