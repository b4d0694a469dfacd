/** `npm run bench` after the installation, see tools/bin/bench.mjs for its arguments. */
import { buildServices, startBenchStack } from './bench-stack.ts'
import { picture, smallPicture } from './files.ts'
import { measureAssets, measureWaiting } from './measure-growth.ts'
import { measureResponses } from './measure-responses.ts'
import { measureUploads, uploadMeasurements } from './measure-uploads.ts'
import { measureLargeVideo, measureLatency, measurePictures, measureStoreCalls } from './measure-whole-path.ts'
import { writeResults } from './report/results-file.ts'
import { measurementTable, targetTable } from './report/tables.ts'
import type { Measurement } from './results.ts'
import { outcomes } from './targets.ts'

interface Options {
  readonly quick: boolean
  readonly check: boolean
  /** Only measurements whose titles contain this. */
  readonly only: string
  readonly rounds: number
}

const options = JSON.parse(process.argv[2] ?? '{}') as Options
const say = (text: string) => process.stdout.write(`${text}\n`)

const startedAt = new Date()
say('Building gateway and worker …')
await buildServices()
const stack = await startBenchStack(say)
// `npm run bench` closes the input when it ends, however it does.
process.stdin.on('end', () => void stack.close().finally(() => process.exit(130))).resume()
const measurements: Measurement[] = []
const writes = !options.quick && options.only === ''
let written: readonly string[] = []
try {
  for (const { title, measure } of plan()) {
    const begun = Date.now()
    say(`\n${title} …`)
    const measured = await measure()
    measurements.push(measured)
    // after each, so that a run that is stopped keeps what it has measured
    if (writes) written = writeResults(measurements, { ...options, startedAt })
    say(`${measurementTable(measured)}\n(${Math.round((Date.now() - begun) / 1000)} s)`)
  }
} finally {
  await stack.close()
}
report()
process.exit()

interface Step {
  readonly title: string
  readonly measure: () => Promise<Measurement>
  /** Whether `--quick` has it. */
  readonly quick: boolean
}

/** What is measured, in this order. */
function plan(): Step[] {
  const { quick, rounds, only } = options
  const uploads = uploadMeasurements(quick).map((given) => ({
    title: given.title,
    measure: () => measureUploads(given, rounds, stack),
    quick: true,
  }))
  const steps: Step[] = [
    ...uploads,
    {
      title: 'Picture of 60 kB, whole path',
      measure: () => measurePictures('Picture of 60 kB, whole path', smallPicture(), quick ? 40 : 200, rounds, stack),
      quick: true,
    },
    {
      title: 'JPEG of 12 megapixels, whole path',
      measure: async () => measurePictures('JPEG of 12 megapixels, whole path', await picture(4000, 3000, 3.2), 20, rounds, stack),
      quick: false,
    },
    { title: 'Latency while idle', measure: () => measureLatency('Latency while idle', 100, rounds, stack), quick: false },
    { title: 'Video of 500 MiB', measure: () => measureLargeVideo('Video of 500 MiB', rounds, stack), quick: false },
    { title: 'Store calls', measure: () => measureStoreCalls('Store calls', stack), quick: true },
    { title: 'Responses', measure: () => measureResponses('Responses', quick ? 500 : 3000, rounds, stack), quick: true },
    { title: 'Assets in the database', measure: () => measureAssets('Assets in the database', 100, rounds, stack), quick: false },
    { title: 'Uploads waiting', measure: () => measureWaiting('Uploads waiting', 400, rounds, stack), quick: false },
  ]
  return steps.filter((step) => (step.quick || !quick) && step.title.includes(only))
}

function report(): void {
  const rows = outcomes(measurements)
  say(`\n${targetTable(rows)}`)
  for (const path of written) say(`Wrote ${path}`)
  const broken = rows.filter(({ kept }) => kept === false)
  if (options.check && broken.length > 0) {
    say(`\n${broken.length} of ${rows.length} targets are beyond their guard.`)
    process.exitCode = 1
  }
}
