import { type ByteSource, MiB } from '@airlock/domain'
import { defaultIsolation } from '@airlock/inspection/isolated'
import { expect, test } from 'vitest'
import { original } from '../../corpus/corpus-file.ts'
import { box, boxesOf } from '../../corpus/surgery/mp4.ts'
import { InspectorProcess } from '../../src/isolated/inspector-process.ts'
import { largeFilm } from '../large-film.ts'

const upload = { filename: 'film.mp4', mediaType: 'video/mp4', assetType: 'generated_video' } as const
const task = {
  limits: defaultIsolation.limits,
  upload,
  maxSeconds: 120,
  maxTotalSeconds: 120,
  maxCpuSeconds: 120,
  maxTotalCpuSeconds: 120,
  signal: new AbortController().signal,
}

/** A film whose credentials are those of another one, so that it is read as a whole, and found to be unbound. */
function filmOf(mib: number): ByteSource & { readBytes: number } {
  const { head, mediaBytes, tail } = largeFilm({ bytes: mib * MiB, seconds: mib, movieLast: true })
  const credentials = boxesOf(original('credentials/signed.mp4')).find(({ type }) => type === 'uuid')
  const end = Buffer.concat([tail, box('uuid', credentials?.body ?? Buffer.alloc(0))])
  const source = {
    size: head.length + mediaBytes + end.length,
    readBytes: 0,
    async read(offset: number, length: number) {
      const bytes = Buffer.alloc(Math.min(length, source.size - offset))
      source.readBytes += bytes.length
      if (offset < head.length) head.copy(bytes, 0, offset)
      const endsAt = head.length + mediaBytes - offset
      if (endsAt < bytes.length) end.copy(bytes, Math.max(0, endsAt), Math.max(0, -endsAt))
      return bytes
    },
    stream: () => {
      throw new Error('a film is read in ranges')
    },
  }
  return source
}

async function memoryFor(mib: number) {
  const inspector = new InspectorProcess({ maxMemoryMiB: 1024 })
  try {
    const source = filmOf(mib)
    const verdict = await inspector.run({ ...task, source })
    expect(verdict.ok && verdict.facts.provenance).toMatchObject({ state: 'invalid', content: 'unbound', signer: 'Example Studio' })
    expect(source.readBytes).toBeGreaterThan(source.size)
    return Math.max(inspector.peakBytes, inspector.rssBytes) / MiB
  } finally {
    await inspector.close()
  }
}

test('a video of 490 MiB with credentials needs at most 40 MiB more than one of 5 MiB', { timeout: 120_000 }, async () => {
  const small = await memoryFor(5)
  expect((await memoryFor(490)) - small).toBeLessThan(40)
})
