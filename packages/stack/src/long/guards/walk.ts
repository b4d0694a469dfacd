import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, proveAll } from '../check.ts'
import type { LongStep } from '../step.ts'
import { copyClone } from './clone-copy.ts'
import { type Guard, takenAway } from './guard.ts'
import { roads } from './table/all.ts'
import { type TestRun, TestRuns } from './test-runs.ts'

interface Subject {
  readonly root: string
  readonly runs: TestRuns
  /** Titles of tests that were seen green with all guards there. */
  readonly green: Set<string>
}

/** Takes each guard away, in a copy of the sources, and looks whether its test goes red; with the guard it must be green. */
export const guardWalk: LongStep = {
  name: 'guards',
  about: 'takes each guard of the failure model away, and sees its test go red; AIRLOCK_GUARDS chooses by a regular expression',
  async run(context) {
    const wanted = new RegExp(context.env.AIRLOCK_GUARDS ?? '')
    const chosen = roads
      .flatMap(({ guards }) => guards)
      .filter(({ keeps, file, test }) => wanted.test(`${keeps} ${file} ${test.file} ${test.title}`))
    const copy = copyClone(context.root)
    const runs = await TestRuns.open(copy.root)
    try {
      return await proveAll(chosen.map(checkOf), { root: copy.root, runs, green: new Set() }, context)
    } finally {
      await runs.close()
      copy.remove()
    }
  },
}

const checkOf = (guard: Guard): Check<Subject> => ({
  what: `${guard.keeps} (${guard.file})`,
  async prove({ root, runs, green }) {
    const { file, test } = guard
    if (!green.has(test.title)) assertGreen(await runs.run(test), guard)
    green.add(test.title)
    const path = join(root, file)
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, takenAway(guard, text))
    runs.changed(file)
    try {
      return assertRed(await runs.run(test), guard)
    } finally {
      writeFileSync(path, text)
      runs.changed(file)
    }
  },
})

function assertGreen({ passed, failed, why, broken }: TestRun, { test }: Guard): void {
  if (passed > 0 && failed === 0 && broken.length === 0) return
  throw new Error(`with the guard, '${test.title}': ${passed} passed, ${failed} failed\n${[...why, ...broken].join('\n')}`)
}

/** @returns what the test said */
function assertRed({ failed, why, broken }: TestRun, { test }: Guard): string {
  if (broken.length > 0) throw new Error(`without it, '${test.title}' can't be run\n${broken.join('\n')}`)
  if (failed === 0) throw new Error(`'${test.title}' stays green without it`)
  return `${failed} red: ${(why[0] ?? '').split('\n')[0]}`
}
