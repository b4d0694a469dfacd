import { bytesInMemory, MiB } from '@airlock/domain'
import { inspect } from '@airlock/inspection/full'
import { defaultIsolation } from '@airlock/inspection/isolated'
import sharp from 'sharp'
import { zipOf } from '../../corpus/surgery/zip.ts'
import { InspectorProcess } from '../../src/isolated/inspector-process.ts'
import { usageOf } from '../../src/isolated/process-usage.ts'

/**
 * The cost of a training set of photos compared with decoding them: `node packages/inspection/test/long/archive-cost.ts [rounds] [photos]`.
 *
 * Each round decodes all photos with sharp, one after the other, and has the archive inspected in this process and in an inspector process
 * as in production. Ratios are computed per round, because other load makes all three slower. Fails if the median wall-clock ratio of an inspection exceeds
 * `maxRatio`.
 */

const [rounds = 5, photos = 1000] = process.argv.slice(2).map(Number)
const [width, height] = [512, 512]
const maxRatio = 1.3
const upload = { filename: 'photos.zip', mediaType: 'application/zip', assetType: 'lora_training' } as const
const task = {
  upload,
  limits: defaultIsolation.limits,
  maxSeconds: 120,
  maxTotalSeconds: 600,
  maxCpuSeconds: 120,
  maxTotalCpuSeconds: 600,
  signal: new AbortController().signal,
}

const say = (line: string) => process.stdout.write(`${line}\n`)

const [sceneWidth, sceneHeight] = [2048, 2048]

/** A gradient with grain, large enough to extract a thousand photos. */
async function drawScene(): Promise<Buffer> {
  const corners = Buffer.from([200, 160, 120, 20, 60, 140, 220, 210, 200, 40, 30, 20])
  const light = sharp(corners, { raw: { width: 2, height: 2, channels: 3 } }).resize(sceneWidth, sceneHeight, { kernel: 'cubic' })
  const noise = { type: 'gaussian', mean: 128, sigma: 45 } as const
  const grain = sharp({ create: { width: sceneWidth, height: sceneHeight, channels: 3, background: '#808080', noise } })
  const input = await grain.blur(0.8).raw().toBuffer()
  const raw = { width: sceneWidth, height: sceneHeight, channels: 3 } as const
  return light
    .composite([{ input, raw, blend: 'soft-light' }])
    .removeAlpha()
    .raw()
    .toBuffer()
}

/** A photo of about 30 kB, different for each number. */
function photo(scene: Buffer, number: number): Promise<Buffer> {
  const [left, top] = [(number * 37) % (sceneWidth - width), (number * 101) % (sceneHeight - height)]
  return sharp(scene, { raw: { width: sceneWidth, height: sceneHeight, channels: 3 } })
    .extract({ left, top, width, height })
    .linear(0.7 + (number % 7) / 10, (number % 50) - 25)
    .jpeg({ quality: 78 })
    .toBuffer()
}

/** Decodes every pixel of each picture in sequence. */
async function decodeAll(files: readonly Buffer[]): Promise<void> {
  for (const bytes of files) {
    await sharp(bytes, { failOn: 'warning' }).raw().toBuffer()
  }
}

interface Seconds {
  readonly clock: number
  /** CPU time of this process and of the inspector. */
  readonly processor: number
}

async function secondsOf(work: () => Promise<unknown>): Promise<Seconds> {
  const used = async () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6 + ((inspector.pid && (await usageOf(inspector.pid))?.cpuSeconds) ?? 0)
  }
  const before = await used()
  const begun = performance.now()
  await work()
  const clock = (performance.now() - begun) / 1000
  return { clock, processor: (await used()) - before }
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

const inspector = new InspectorProcess({ maxMemoryMiB: defaultIsolation.maxMemoryMiB })
const works = {
  'decoding alone': () => decodeAll(files),
  'inspected in this process': () => accepted(inspect(source, upload)),
  'inspected in a separate process': () => accepted(inspector.run({ ...task, source })),
}
const seconds = Object.keys(works).map((): Seconds[] => [])
try {
  await accepted(inspect(source, upload))
  await accepted(inspector.run({ ...task, source }))
  for (let round = 0; round < rounds; round++) {
    for (const [i, work] of Object.values(works).entries()) seconds[i]?.push(await secondsOf(work))
  }
} finally {
  await inspector.close()
}

/** The ratio to decoding in each round, ascending. */
const ratiosOf = (measured: readonly Seconds[], by: keyof Seconds) =>
  measured.map((each, round) => each[by] / (seconds[0]?.[round]?.[by] ?? 0)).toSorted((a, b) => a - b)

const results = Object.keys(works).map((name, i) => {
  const measured = seconds[i] ?? []
  const [clock, processor] = [ratiosOf(measured, 'clock'), ratiosOf(measured, 'processor')]
  say(
    `${name}: ${median(measured.map((each) => each.clock)).toFixed(2)} s wall-clock time, ${median(measured.map((each) => each.processor)).toFixed(2)} s CPU time; ` +
      `ratio to decoding: wall-clock time ${clock.map((ratio) => ratio.toFixed(2)).join(', ')}; CPU time ${processor.map((ratio) => ratio.toFixed(2)).join(', ')}`,
  )
  return { name, clock: median(clock), processor: median(processor) }
})
const inspections = results.slice(1)
say(
  inspections
    .map(
      ({ name, clock, processor }) => `${name}: ${clock.toFixed(2)} × decoding in wall-clock time, ${processor.toFixed(2)} × in CPU time`,
    )
    .join('; '),
)
process.exit(inspections.every(({ clock }) => clock < maxRatio) ? 0 : 1)
