/** `npm run bench` after the installation, see tools/bin/bench.mjs for its arguments. */
import { startBenchStack } from './bench-stack.ts'
import { measureUploads, uploadMeasurements } from './measure-uploads.ts'
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
const stack = await startBenchStack(say)
// `npm run bench` closes the input when it ends, however it does.
process.stdin.on('end', () => void stack.close().finally(() => process.exit(130))).resume()
const measurements: Measurement[] = []
try {
  for (const { title, measure } of plan()) {
    const begun = Date.now()
    say(`\n${title} …`)
    const measured = await measure()
    measurements.push(measured)
    say(`\n${measurementTable(measured)}\n${' '.repeat(24)}${options.rounds} rounds in ${Math.round((Date.now() - begun) / 1000)} s`)
  }
} finally {
  await stack.close()
}
report()
process.exit()

/** What is measured, in this order. */
function plan() {
  const uploads = uploadMeasurements(options.quick).map((given) => ({
    title: `Uploads of ${given.title}`,
    measure: () => measureUploads(given, options.rounds, stack),
  }))
  return uploads.filter(({ title }) => title.includes(options.only))
}

function report(): void {
  const rows = outcomes(measurements)
  say(`\n${targetTable(rows)}`)
  if (!options.quick && options.only === '') for (const path of writeResults(measurements, { ...options, startedAt })) say(`Wrote ${path}`)
  const broken = rows.filter(({ kept }) => kept === false)
  if (options.check && broken.length > 0) {
    say(`\n${broken.length} of ${rows.length} targets are beyond their guard.`)
    process.exitCode = 1
  }
}
