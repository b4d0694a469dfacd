import { PassThrough, Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ChunkReader } from '../../src/index.ts'

const text = (chunk: Uint8Array | null) => (chunk === null ? null : Buffer.from(chunk).toString())

async function rest(reader: ChunkReader): Promise<string> {
  let all = ''
  for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next()) all += text(chunk)
  return all
}

test('it reads a stream to its end, and then returns null', async () => {
  const reader = new ChunkReader(Readable.from([Buffer.from('one '), Buffer.from('two')], { objectMode: false }))
  expect(await rest(reader)).toBe('one two')
  expect(await reader.next()).toBeNull()
})

test('a chunk that has arrived is returned without a promise', async () => {
  const stream = new PassThrough()
  const reader = new ChunkReader(stream)
  const first = reader.next()
  expect(first).toBeInstanceOf(Promise)
  stream.write('one')
  expect(text(await first)).toBe('one')
  stream.write('two')
  expect(text(reader.next() as Uint8Array)).toBe('two')
  stream.end()
  expect(await reader.next()).toBeNull()
})

test('an empty stream ends', async () => {
  expect(await rest(new ChunkReader(Readable.from([], { objectMode: false })))).toBe('')
})

test.for(['while it is waited for', 'before'] as const)('the error of a stream is thrown if it fails %s', async (when) => {
  const stream = new Readable({ read: () => {} })
  const reader = new ChunkReader(stream)
  if (when === 'before') {
    stream.destroy(new Error('broken'))
    await nextTurn()
    expect(() => reader.next()).toThrow('broken')
  } else {
    const next = reader.next()
    stream.destroy(new Error('broken'))
    await expect(next).rejects.toThrow('broken')
  }
})

test('a stream that is closed before its end does not pass for a complete one', async () => {
  const stream = new PassThrough()
  const reader = new ChunkReader(stream)
  stream.write('half')
  expect(text(await reader.next())).toBe('half')
  const next = reader.next()
  stream.destroy()
  await expect(next).rejects.toThrow('Premature close')
})

test('a stream that was destroyed before it is read does not pass for an empty one', async () => {
  const stream = new PassThrough()
  stream.destroy()
  await nextTurn()
  await expect((async () => new ChunkReader(stream).next())()).rejects.toThrow('Premature close')
})

test('a closed reader leaves the stream to others, with what has not been read', async () => {
  const stream = new PassThrough()
  const reader = new ChunkReader(stream)
  stream.write('one')
  expect(text(await reader.next())).toBe('one')
  const next = reader.next()
  reader.close()
  expect(stream.listenerCount('readable')).toBe(0)
  stream.end('two')
  expect(await rest(new ChunkReader(stream))).toBe('two')
  expect(await Promise.race([next, nextTurn('still waiting')])).toBe('still waiting')
})
