import { bytesInMemory, MiB } from '@airlock/domain'
import { inspect } from '@airlock/inspection/full'
import { defaultIsolation } from '@airlock/inspection/isolated'
import sharp from 'sharp'
import { zipOf } from '../../corpus/surgery/zip.ts'
import { OneInspector } from '../../src/isolated/one-inspector.ts'
import { usageOf } from '../../src/isolated/process-usage.ts'

/**
 * What a training set of photos costs beside their decoding, for docs/inspection.md:
 * `node packages/inspection/test/long/archive-cost.ts [rounds] [photos]`.
 *
 * Each round decodes all photos with sharp, one after the other as inspection does, and has the archive inspected in this process and in an
 * inspector process as in production. Ratios are of one round: a machine that is busy with others makes all three slower.
 */

const [rounds = 5, photos = 1000] = process.argv.slice(2).map(Number)
const [width, height] = [512, 512]
const upload = { filename: 'photos.zip', mediaType: 'application/zip', assetType: 'lora_training' } as const
const task = {
  upload,
  limits: defaultIsolation.limits,
  maxSeconds: 120,
  maxSecondsInAll: 600,
  maxCpuSeconds: 120,
  maxCpuSecondsInAll: 600,
  signal: new AbortController().signal,
}

const say = (line: string) => process.stdout.write(`${line}\n`)

const [sceneWidth, sceneHeight] = [2048, 2048]

/** Light that falls off, with grain: enough of it to cut a thousand photos out. */
async function drawScene(): Promise<Buffer> {
  const corners = Buffer.from([200, 160, 120, 20, 60, 140, 220, 210, 200, 40, 30, 20])
  const light = sharp(corners, { raw: { width: 2, height: 2, channels: 3 } }).resize(sceneWidth, sceneHeight, { kernel: 'cubic' })
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
  const grain = sharp({ create: { width: sceneWidth, height: sceneHeight, channels: 3, background: '#808080', noise } })
  const input = await grain.blur(2).raw().toBuffer()
  const raw = { width: sceneWidth, height: sceneHeight, channels: 3 } as const
  return light
    .composite([{ input, raw, blend: 'soft-light' }])
    .raw()
    .toBuffer()
}

/** About 30 kB, another one for each number. */
function photo(scene: Buffer, number: number): Promise<Buffer> {
  const [left, top] = [(number * 37) % (sceneWidth - width), (number * 101) % (sceneHeight - height)]
  return sharp(scene, { raw: { width: sceneWidth, height: sceneHeight, channels: 3 } })
    .extract({ left, top, width, height })
    .linear(0.7 + (number % 7) / 10, (number % 50) - 25)
    .jpeg({ quality: 92 })
    .toBuffer()
}

/** Every pixel of each, one picture after the other. */
async function decodeAll(files: readonly Buffer[]): Promise<void> {
  for (const bytes of files) {
    await sharp(bytes, { failOn: 'warning' }).raw().toBuffer()
  }
}

/** Processor time of this process and of the inspector, in seconds. By the clock, other programs would count too. */
async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const used = async () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6 + ((inspector.pid && (await usageOf(inspector.pid))?.cpuSeconds) ?? 0)
  }
  const before = await used()
  await work()
  return (await used()) - before
}

async function accepted(verdict: ReturnType<typeof inspect>): Promise<void> {
  const { ok } = await verdict
  if (!ok) throw new Error('the archive was rejected')
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const scene = await drawScene()
const files: Buffer[] = []
for (let i = 0; i < photos; i++) files.push(await photo(scene, i))
const source = bytesInMemory(zipOf(files.map((data, i) => ({ name: `${i}.jpg`, data }))))
say(`${photos} photos of ${width} × ${height}, ${(source.size / MiB).toFixed(1)} MiB, ${rounds} rounds`)

const inspector = new OneInspector({ maxMemoryMiB: defaultIsolation.maxMemoryMiB })
const works = {
  'decoding alone': () => decodeAll(files),
  'inspected in this process': () => accepted(inspect(source, upload)),
  'inspected apart': () => accepted(inspector.run({ ...task, source })),
}
const seconds = Object.keys(works).map((): number[] => [])
try {
  await accepted(inspect(source, upload))
  await accepted(inspector.run({ ...task, source }))
  for (let round = 0; round < rounds; round++) {
    for (const [i, work] of Object.values(works).entries()) seconds[i]?.push(await secondsOf(work))
  }
} finally {
  await inspector.close()
}
for (const [i, name] of Object.keys(works).entries()) {
  const ratios = seconds[i]?.map((value, round) => value / (seconds[0]?.[round] ?? 0)) ?? []
  say(
    `${name}: ${median(seconds[i] ?? []).toFixed(2)} s, ${median(ratios).toFixed(2)} × decoding (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')})`,
  )
}
