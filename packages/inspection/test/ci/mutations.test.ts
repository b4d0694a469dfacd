import sharp from 'sharp'
import { expect, test } from 'vitest'
import { judge, mutantMaker } from '../mutations.ts'

const count = 500
const maxCpuMs = 2000
const maxGrowthMiB = 300

test(`${count} mutated good files: each gets a verdict quickly, and none passes that no decoder opens`, {
  timeout: 120_000,
}, async () => {
  const mutant = await mutantMaker()
  const before = process.memoryUsage().rss
  const slow: string[] = []
  const opensNowhere: string[] = []
  let accepted = 0
  for (let seed = 1; seed <= count; seed++) {
    const changed = mutant(seed)
    const about = `seed ${seed}: ${changed.file}, ${changed.mutation}`
    const { inspection, cpuMs } = await judge(changed).catch((error: unknown) => {
      throw new Error(`${about}: no verdict`, { cause: error })
    })
    if (cpuMs > maxCpuMs) slow.push(`${about}: ${Math.round(cpuMs)} ms`)
    if (!inspection.ok) continue
    accepted++
    if (changed.file.endsWith('.mp4') || changed.file.endsWith('.zip')) continue
    const opens = await sharp(changed.bytes)
      .metadata()
      .then(
        () => true,
        () => false,
      )
    if (!opens) opensNowhere.push(about)
  }

  expect({ slow, opensNowhere }).toEqual({ slow: [], opensNowhere: [] })
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(maxGrowthMiB)
  expect(accepted).toBeLessThan(count / 2)
})
