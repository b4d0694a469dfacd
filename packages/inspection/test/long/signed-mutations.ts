import { judgeSigned, signedMutants } from '../signed-mutations.ts'

/**
 * Inspects tens of thousands of mutated signed files: `node packages/inspection/test/long/signed-mutations.ts [count] [first seed]`.
 *
 * Each must get a verdict within three seconds of CPU time, memory must not grow, and none may be valid whose statements or content differ from those
 * of the original.
 */

const [count = 20_000, firstSeed = 1] = process.argv.slice(2).map(Number)
const maxCpuMs = 3000
const maxGrowthMiB = 400
const say = (text: string) => process.stdout.write(`${text}\n`)

const mutant = signedMutants()
const states = new Map<string, number>()
const wrong: string[] = []
const before = process.memoryUsage().rss
let [peak, slowest] = [0, 0]
for (let seed = firstSeed; seed < firstSeed + count; seed++) {
  const changed = mutant(seed)
  const about = `seed ${seed}: ${changed.file}, ${changed.mutation}`
  try {
    const { state, wrong: what, cpuMs } = await judgeSigned(changed)
    states.set(state, (states.get(state) ?? 0) + 1)
    if (what !== null) wrong.push(`${about}: ${what}`)
    if (cpuMs > maxCpuMs) wrong.push(`${about}: took ${Math.round(cpuMs)} ms`)
    slowest = Math.max(slowest, cpuMs)
  } catch (error) {
    wrong.push(`${about}: no verdict, but ${error instanceof Error ? error.stack : error}`)
  }
  peak = Math.max(peak, process.memoryUsage().rss - before)
  if ((seed - firstSeed + 1) % 2000 === 0) say(`${seed - firstSeed + 1} of ${count}: ${wrong.length} wrong`)
}
if (peak / 2 ** 20 > maxGrowthMiB) wrong.push(`memory grew by ${Math.round(peak / 2 ** 20)} MiB`)
for (const line of wrong.slice(0, 50)) say(line)
const found = [...states].map(([state, files]) => `${files} ${state}`).join(', ')
say(
  `${count} mutants: ${found}; slowest ${Math.round(slowest)} ms, memory grew by ${Math.round(peak / 2 ** 20)} MiB, ${wrong.length} wrong`,
)
process.exit(wrong.length === 0 ? 0 : 1)
