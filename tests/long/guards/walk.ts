import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type NamedTest, testsById } from '../../../tools/checks/test-ids.ts'
import { type Check, type LongStep, proveAll } from '../check.ts'
import { copyClone } from './clone-copy.ts'
import { type Guard, withoutGuard } from './guard.ts'
import { guards } from './guards.ts'
import { type TestRun, TestRuns } from './test-runs.ts'

interface Subject {
  readonly root: string
  readonly runs: TestRuns
  readonly tests: ReadonlyMap<string, NamedTest>
  /** Ids of tests that passed with all guards. */
  readonly green: Set<string>
}

/** Removes each guard in a copy of the sources, and checks that its test fails; with the guard it must pass. */
export const guardWalk: LongStep = {
  name: 'guards',
  about: 'removes guards of the invariants one by one: their tests must fail; AIRLOCK_GUARDS selects ids by a regular expression',
  async run(context) {
    const wanted = new RegExp(context.env.AIRLOCK_GUARDS ?? '')
    const chosen = guards.filter(({ id }) => wanted.test(id))
    const copy = copyClone(context.root)
    const runs = await TestRuns.open(copy.root)
    try {
      return await proveAll(
        chosen.map(checkOf),
        { root: copy.root, runs, tests: testsById(context.root), green: new Set<string>() },
        context,
      )
    } finally {
      await runs.close()
      copy.remove()
    }
  },
}

const checkOf = (guard: Guard): Check<Subject> => ({
  what: `${guard.id} (invariant ${guard.invariant}, ${guard.file})`,
  async prove({ root, runs, tests, green }) {
    const { file } = guard
    const test = tests.get(guard.test)
    if (test === undefined) throw new Error(`no test has the id '${guard.test}'`)
    if (!green.has(guard.test)) assertGreen(await runs.run(test), guard)
    green.add(guard.test)
    const path = join(root, file)
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, withoutGuard(guard, text))
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
  throw new Error(`with the guard, '${test}': ${passed} passed, ${failed} failed\n${[...why, ...broken].join('\n')}`)
}

/** @returns the first failure of the test */
function assertRed({ failed, why, broken }: TestRun, { test }: Guard): string {
  if (broken.length > 0) throw new Error(`without the guard, '${test}' can't be run\n${broken.join('\n')}`)
  if (failed === 0) throw new Error(`'${test}' passes without the guard`)
  return `${failed} failed: ${(why[0] ?? '').split('\n')[0]}`
}
