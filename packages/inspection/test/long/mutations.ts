import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judge, type Mutant, mutantMaker } from '../mutations.ts'

/**
 * Tens of thousands of good files with something done to them: `node packages/inspection/test/long/mutations.ts [count] [first seed]`.
 *
 * Each must get a verdict within two seconds of processor time, memory must not grow, and a film that passes must be one that ffmpeg opens
 * (pictures that pass were decoded by sharp already). Without ffprobe on the PATH, films are not opened; the last line says so.
 */

const [count = 20_000, firstSeed = 1] = process.argv.slice(2).map(Number)
const maxCpuMs = 2000
const maxGrowthMiB = 400

const say = (text: string) => process.stdout.write(`${text}\n`)

const folder = await mkdtemp(join(tmpdir(), 'airlock-mutants-'))
const hasFfprobe = (await ends('ffprobe', ['-version'])) === 0
const mutant = await mutantMaker()
const wrong: string[] = []
const before = process.memoryUsage().rss
let [accepted, opened, peak, slowest] = [0, 0, 0, 0]

try {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    await look(mutant(seed))
    peak = Math.max(peak, process.memoryUsage().rss - before)
    if (seed % 2000 === 0) say(`${seed - firstSeed + 1} of ${count}: ${accepted} passed, ${wrong.length} wrong`)
  }
} finally {
  await rm(folder, { recursive: true })
}
if (peak / 2 ** 20 > maxGrowthMiB) wrong.push(`memory grew by ${Math.round(peak / 2 ** 20)} MiB`)
for (const line of wrong.slice(0, 50)) say(line)
say(
  `${count} mutants: ${accepted} passed, ${opened} films of them opened${hasFfprobe ? '' : ' (no ffprobe here)'}, ` +
    `slowest ${Math.round(slowest)} ms, memory grew by ${Math.round(peak / 2 ** 20)} MiB, ${wrong.length} wrong`,
)
process.exit(wrong.length === 0 ? 0 : 1)

async function look(changed: Mutant): Promise<void> {
  const about = `seed ${changed.seed}: ${changed.file}, ${changed.mutation}`
  try {
    const { inspection, cpuMs } = await judge(changed)
    slowest = Math.max(slowest, cpuMs)
    if (cpuMs > maxCpuMs) wrong.push(`${about}: took ${Math.round(cpuMs)} ms`)
    if (!inspection.ok) return
    accepted++
    if (!changed.file.endsWith('.mp4') || !hasFfprobe) return
    opened++
    if (!(await opensInFfprobe(changed.bytes))) wrong.push(`${about}: passed, and ffprobe does not open it`)
  } catch (error) {
    wrong.push(`${about}: no verdict, but ${error instanceof Error ? error.stack : error}`)
  }
}

async function opensInFfprobe(bytes: Buffer): Promise<boolean> {
  const path = join(folder, 'mutant.mp4')
  await writeFile(path, bytes)
  return (await ends('ffprobe', ['-v', 'quiet', '-show_entries', 'stream=codec_type', path])) === 0
}

function ends(program: string, args: readonly string[]): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore', timeout: 20_000 })
    child.on('error', () => resolve(null))
    child.on('exit', resolve)
  })
}
