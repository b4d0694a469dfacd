import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ByteSource, bytesInMemory, MiB } from '@airlock/domain'
import { inspect } from '@airlock/inspection/full'
import { defaultIsolation } from '@airlock/inspection/isolated'
import sharp from 'sharp'
import { InspectorProcess } from '../../src/isolated/inspector-process.ts'
import { largeFilm } from '../large-film.ts'

/** The cost of inspection, for docs/inspection.md: `node packages/inspection/test/long/cost.ts`. Run it on an idle machine. */

const never = new AbortController().signal
const say = (what: string, value: string) => process.stdout.write(`| ${what} | ${value} |\n`)
const picture = { filename: 'photo.jpg', mediaType: 'image/jpeg', assetType: 'brand_image' } as const
const video = { filename: 'film.mp4', mediaType: 'video/mp4', assetType: 'generated_video' } as const
const task = {
  limits: defaultIsolation.limits,
  maxSeconds: 120,
  maxTotalSeconds: 120,
  maxCpuSeconds: 120,
  maxTotalCpuSeconds: 120,
  signal: never,
}

/** Twelve megapixels with grain, about 2 MiB. */
const photo = async (format: 'jpeg' | 'progressive' | 'png' | 'webp') => {
  const image = sharp({
    create: { width: 4000, height: 3000, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 20 } },
  }).blur(1)
  if (format === 'png') return image.png({ palette: true, colours: 16 }).toBuffer()
  if (format === 'webp') return image.webp({ quality: 88 }).toBuffer()
  return image.jpeg({ quality: 88, progressive: format === 'progressive' }).toBuffer()
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** @returns the medians of `runs` runs: wall-clock time and CPU time of this process in ms */
async function times(count: number, work: () => Promise<unknown>): Promise<{ ms: number; cpuMs: number }> {
  await work()
  const [clock, cpu]: [number[], number[]] = [[], []]
  for (let i = 0; i < count; i++) {
    const begun = performance.now()
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    clock.push(performance.now() - begun)
    cpu.push((user + system) / 1000)
  }
  return { ms: median(clock), cpuMs: median(cpu) }
}

async function pictures(): Promise<void> {
  for (const format of ['jpeg', 'progressive', 'png', 'webp'] as const) {
    const bytes = await photo(format)
    const mediaType = format === 'png' ? 'image/png' : format === 'webp' ? 'image/webp' : 'image/jpeg'
    const upload = { ...picture, filename: `photo.${format === 'png' || format === 'webp' ? format : 'jpg'}`, mediaType } as const
    const here = await times(7, () => inspect(bytesInMemory(bytes), upload))
    const inspector = new InspectorProcess({ maxMemoryMiB: 2048 })
    const apart = await times(7, () => inspector.run({ ...task, source: bytesInMemory(bytes), upload }))
    const decoded = await times(7, () =>
      sharp(bytes, { failOn: 'warning' }).extract({ left: 0, top: 0, width: 4000, height: 3000 }).resize(1, 1).raw().toBuffer(),
    )
    say(
      `${format}, 12 Mpx, ${(bytes.length / MiB).toFixed(1)} MiB`,
      `${here.cpuMs.toFixed(0)} ms of a core (${(1000 / here.cpuMs).toFixed(1)} a second), ${decoded.cpuMs.toFixed(0)} ms of it to decode; ` +
        `reading it apart costs the worker ${apart.cpuMs.toFixed(1)} ms; process ${(inspector.rssBytes / MiB).toFixed(0)} MiB`,
    )
    await inspector.close()
  }
}

async function isolation(): Promise<void> {
  const small = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer()
  const here = await times(200, () => inspect(bytesInMemory(small), picture))
  const inspector = new InspectorProcess({ maxMemoryMiB: 1024 })
  const begun = performance.now()
  await inspector.run({ ...task, source: bytesInMemory(small), upload: picture })
  const first = performance.now() - begun
  const apart = await times(200, () => inspector.run({ ...task, source: bytesInMemory(small), upload: picture }))
  say(
    'the smallest JPEG',
    `${here.ms.toFixed(1)} ms in process, ${apart.ms.toFixed(1)} ms apart, ${first.toFixed(0)} ms with the start of the process`,
  )
  await inspector.close()
}

async function film(path: string, atEnd: boolean): Promise<void> {
  const handle = await open(path)
  const { size } = await handle.stat()
  let [reads, bytes] = [0, 0]
  const source: ByteSource = {
    size,
    read: async (offset, length) => {
      reads++
      bytes += length
      const { buffer } = await handle.read(Buffer.alloc(length), 0, length, offset)
      return buffer
    },
    stream: () => {
      throw new Error('a film is not read from end to end')
    },
  }
  const inspector = new InspectorProcess({ maxMemoryMiB: 1024 })
  await inspector.run({ ...task, source: bytesInMemory(Buffer.from('no film')), upload: video })
  const before = inspector.rssBytes
  await inspector.run({ ...task, source, upload: video })
  const grown = (inspector.rssBytes - before) / MiB
  const once = `${reads} reads of ${(bytes / MiB).toFixed(1)} MiB`
  const ms = await times(9, () => inspector.run({ ...task, source, upload: video }))
  say(
    `MP4, ${(size / MiB).toFixed(0)} MiB, an hour, movie box ${atEnd ? 'last' : 'first'}`,
    `${ms.ms.toFixed(0)} ms apart, ${once}, process grows by ${grown.toFixed(1)} MiB`,
  )
  await inspector.close()
  await handle.close()
}

const folder = await mkdtemp(join(tmpdir(), 'airlock-cost-'))
try {
  process.stdout.write('| what | costs |\n| --- | --- |\n')
  await isolation()
  await pictures()
  for (const atEnd of [false, true]) {
    const path = join(folder, 'film.mp4')
    await rm(path, { force: true })
    await writeLargeFilm(path, atEnd)
    await film(path, atEnd)
  }
} finally {
  await rm(folder, { recursive: true })
}

async function writeLargeFilm(path: string, movieLast: boolean): Promise<void> {
  const { head, mediaBytes, tail } = largeFilm({ bytes: 490 * MiB, seconds: 3600, movieLast })
  await writeFile(path, head)
  const handle = await open(path, 'r+')
  await handle.truncate(head.length + mediaBytes)
  await handle.write(tail, 0, tail.length, head.length + mediaBytes)
  await handle.close()
}
