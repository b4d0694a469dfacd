import { expect, test } from 'vitest'
import { judgeSigned, signedMutants } from '../signed-mutations.ts'

const count = 300
const maxCpuMs = 3000

test(`${count} mutated signed files: each gets a verdict quickly, and none is valid whose statements or content differ`, {
  timeout: 120_000,
}, async () => {
  const mutant = signedMutants()
  const wrong: string[] = []
  const states = new Set<string>()
  for (let seed = 1; seed <= count; seed++) {
    const changed = mutant(seed)
    const about = `seed ${seed}: ${changed.file}, ${changed.mutation}`
    const verdict = await judgeSigned(changed).catch((error: unknown) => {
      throw new Error(`${about}: no verdict`, { cause: error })
    })
    states.add(verdict.state)
    if (verdict.wrong !== null) wrong.push(`${about}: ${verdict.wrong}`)
    if (verdict.cpuMs > maxCpuMs) wrong.push(`${about}: took ${Math.round(verdict.cpuMs)} ms`)
  }

  expect(wrong).toEqual([])
  expect([...states].sort()).toEqual(expect.arrayContaining(['absent', 'invalid', 'rejected', 'unreadable']))
})
