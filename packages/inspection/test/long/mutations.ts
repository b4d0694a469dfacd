import { parseArgs } from 'node:util'
import { judge, type Mutant, mutantMaker } from '../mutations.ts'
import { Openers } from './openers.ts'

/**
 * Inspects tens of thousands of mutated good files:
 * `node packages/inspection/test/long/mutations.ts [count] [first seed] [--without-openers]`.
 *
 * Each must get a verdict within two seconds of CPU time, and memory must not grow. Each file that passes must be opened by ffmpeg, ImageMagick or
 * sharp, independent of inspection; an archive by unzip or Python, with each of its pictures. Without these programs it fails, unless `--without-openers` is
 * given.
 */

const { values, positionals } = parseArgs({ options: { 'without-openers': { type: 'boolean', default: false } }, allowPositionals: true })
const [count = 20_000, firstSeed = 1] = positionals.map(Number)
const maxCpuMs = 2000
const maxGrowthMiB = 400
/** Maximum number of files that are being opened concurrently with inspection. */
const maxOpening = 3

const say = (text: string) => process.stdout.write(`${text}\n`)

const missing = await Openers.missing()
if (missing.length > 0 && !values['without-openers']) {
  say(`${missing.join(', ')} missing: accepted files could not be opened with other programs (--without-openers skips this)`)
  process.exit(1)
}
const openers = values['without-openers'] ? null : await Openers.open()
const mutant = await mutantMaker()
const wrong: string[] = []
const opening = new Set<Promise<void>>()
const before = process.memoryUsage().rss
let [accepted, peak, slowest] = [0, 0, 0]

try {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    await look(mutant(seed))
    while (opening.size >= maxOpening) await Promise.race(opening)
    peak = Math.max(peak, process.memoryUsage().rss - before)
    if ((seed - firstSeed + 1) % 2000 === 0) say(`${seed - firstSeed + 1} of ${count}: ${accepted} passed, ${wrong.length} wrong`)
  }
  await Promise.all(opening)
} finally {
  await openers?.close()
}
if (peak / 2 ** 20 > maxGrowthMiB) wrong.push(`memory grew by ${Math.round(peak / 2 ** 20)} MiB`)
for (const line of wrong.slice(0, 50)) say(line)
say(
  `${count} mutants: ${accepted} passed, ${openedBy()}; slowest ${Math.round(slowest)} ms, ` +
    `memory grew by ${Math.round(peak / 2 ** 20)} MiB, ${wrong.length} wrong`,
)
process.exit(wrong.length === 0 ? 0 : 1)

function openedBy(): string {
  if (openers === null) return 'not opened with other programs'
  const parts = Object.entries(openers.opened).map(([name, files]) => `${files} by ${name}`)
  return `they and the pictures in archives opened ${parts.join(', ')}`
}

async function look(changed: Mutant): Promise<void> {
  const about = `seed ${changed.seed}: ${changed.file}, ${changed.mutation}`
  try {
    const { inspection, cpuMs } = await judge(changed)
    // only this process's CPU time, not that of programs that open files meanwhile
    slowest = Math.max(slowest, cpuMs)
    if (cpuMs > maxCpuMs) wrong.push(`${about}: took ${Math.round(cpuMs)} ms`)
    if (!inspection.ok) return
    accepted++
    if (openers === null) return
    const asked = openers.refuse(changed.file, changed.bytes).then(
      (refused) => {
        for (const what of refused) wrong.push(`${about}: passed, but no program opens ${what}`)
      },
      (error: unknown) => {
        wrong.push(`${about}: could not be opened with other programs: ${error}`)
      },
    )
    opening.add(asked)
    void asked.then(() => opening.delete(asked))
  } catch (error) {
    wrong.push(`${about}: no verdict, but ${error instanceof Error ? error.stack : error}`)
  }
}
