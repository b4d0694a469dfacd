import { MiB } from '@airlock/domain'
import { expect, test } from 'vitest'
import { type ExaminedEntry, firstFault, type PendingEntry } from '../../src/full/training-set/first-fault.ts'

/** Entries that record when they are examined and decoded; decoding ends when `end` is called. */
class Entries {
  readonly events: string[] = []
  readonly #ends = new Map<string, (fault: string | null) => void>()

  entry(name: string, { bytes = 100, pixels = 100, fails }: { bytes?: number; pixels?: number; fails?: Error } = {}): PendingEntry {
    const decode = () => {
      this.events.push(`decode ${name}`)
      return new Promise<string | null>((resolve) => this.#ends.set(name, resolve))
    }
    const examine = async (): Promise<ExaminedEntry> => {
      this.events.push(`examine ${name}`)
      if (fails) throw fails
      return { fault: null, pixels, decode }
    }
    return { entry: { name, packedBytes: bytes, unpackedBytes: bytes }, examine }
  }

  /** Waits until the events are these. */
  async expectEvents(...events: string[]): Promise<void> {
    await expect.poll(() => this.events).toEqual(events)
  }

  end(name: string, fault: string | null = null): void {
    this.#ends.get(name)?.(fault)
  }
}

const bad = (name: string): PendingEntry => ({
  entry: { name, packedBytes: 1, unpackedBytes: 1 },
  examine: async () => ({ fault: 'it is bad.' }),
})

test('the next entry is examined while a picture is decoded, and two pictures are never decoded at once', async () => {
  const entries = new Entries()
  let done = 0
  const judged = firstFault([entries.entry('a'), entries.entry('b'), entries.entry('c')], () => done++)

  await entries.expectEvents('examine a', 'decode a', 'examine b')
  expect(done).toBe(0)
  entries.end('a')
  await entries.expectEvents('examine a', 'decode a', 'examine b', 'decode b', 'examine c')
  expect(done).toBe(1)
  entries.end('b')
  await entries.expectEvents('examine a', 'decode a', 'examine b', 'decode b', 'examine c', 'decode c')
  entries.end('c')

  expect(await judged).toBeNull()
  expect(done).toBe(3)
})

test.each([
  { what: 'many pixels', first: { pixels: 5_000_000 }, second: {} },
  { what: 'an entry of many bytes after it', first: {}, second: { bytes: 2 * MiB } },
])('a picture with $what is decoded before the next entry is examined', async ({ first, second }) => {
  const entries = new Entries()
  const judged = firstFault([entries.entry('a', first), entries.entry('b', second)], () => entries.events.push('done'))
  await entries.expectEvents('examine a', 'decode a')
  entries.end('a')
  await entries.expectEvents('examine a', 'decode a', 'done', 'examine b', 'decode b')
  entries.end('b')

  expect(await judged).toBeNull()
})

test('a decoding fault takes precedence over a fault or error of the next entry', async () => {
  for (const next of [bad('b'), new Entries().entry('b', { fails: new Error('the store is unavailable') })]) {
    const entries = new Entries()
    const judged = firstFault([entries.entry('a'), next], () => {})
    await entries.expectEvents('examine a', 'decode a')
    entries.end('a', 'its pixels are damaged.')

    expect(await judged).toEqual({ name: 'a', fault: 'its pixels are damaged.' })
  }
})

test('an error of an entry is thrown only after the previous picture was decoded successfully', async () => {
  const entries = new Entries()
  let ended = false
  const judged = firstFault([entries.entry('a'), entries.entry('b', { fails: new Error('the store is unavailable') })], () => {})
  const outcome = judged.catch((error: Error) => `${error.message}, decoding ${ended ? 'ended' : 'under way'}`)
  await entries.expectEvents('examine a', 'decode a', 'examine b')
  ended = true
  entries.end('a')

  expect(await outcome).toBe('the store is unavailable, decoding ended')
})

test('nothing is examined after an entry with a fault', async () => {
  const entries = new Entries()

  expect(await firstFault([bad('a'), entries.entry('b')], () => {})).toEqual({ name: 'a', fault: 'it is bad.' })
  expect(entries.events).toEqual([])
})
