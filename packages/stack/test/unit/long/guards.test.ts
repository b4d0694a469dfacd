import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { GuardStale, patternOf, takenAway } from '../../../src/long/guards/guard.ts'
import { roads } from '../../../src/long/guards/table/all.ts'
import { hasTest, root, rowsOfFailureModel } from '../failure-model-page.ts'

const guards = roads.flatMap((road) => road.guards)
const textOf = (file: string): string => readFileSync(root + file, 'utf8')

test.for(guards)('the guard is where the table says, and so is its test: $keeps', ({ file, edits, test: held }) => {
  expect(takenAway({ file, edits }, textOf(file))).not.toBe(textOf(file))
  expect(hasTest(textOf(held.file), held.title)).toBe(true)
})

test('no two guards are one', () => {
  const edits = guards.map((guard) => JSON.stringify([guard.file, guard.edits]))
  expect(edits.filter((edit, index) => edits.indexOf(edit) !== index)).toEqual([])
})

test('the tables have the headings of the failure model (packages/stack/src/long/guards/table)', () => {
  expect(roads.map(({ heading }) => heading)).toEqual([...new Set(rowsOfFailureModel().map(({ heading }) => heading))])
})

test('docs/guards.md tells them all; `npx vitest run --project unit -u` writes it', async () => {
  await expect(page()).toMatchFileSnapshot(`${root}docs/guards.md`)
})

function page(): string {
  const tables = roads.map((road) => {
    const rows = road.guards.map(
      ({ keeps, file, test: held }) =>
        `| ${keeps} | [${nameOf(file)}](../${file}) | [${nameOf(held.file)}](../${held.file}): \`${held.title.replace(/^, /, '…, ')}\` |`,
    )
    return [`## ${road.heading}`, '', '| guard | taken away in | test that goes red |', '| --- | --- | --- |', ...rows].join('\n')
  })
  return `${introduction}\n\n${tables.join('\n\n')}\n`
}

const nameOf = (file: string): string =>
  file
    .split('/')
    .at(-1)
    ?.replace(/(\.test)?\.ts$/, '') ?? ''

const introduction = `# Which guard does which test hold?

A test that stays green whatever the code does shows nothing. So many of the tests that the [failure model](failure-model.md) names have a guard here: a
piece of code that keeps what the row promises. Taken away, the test goes red; \`npm run test:long -- guards\` takes away one after the other, in a
copy of the sources, and looks. What exactly is taken away stands in \`packages/stack/src/long/guards/table\`.

One row, or a few: \`AIRLOCK_GUARDS='twice|purge.test' npm run test:long -- guards\` (a regular expression on guard, file and test).`

test('what stands once is taken away, and what does not is told', () => {
  const file = 'a.ts'
  expect(takenAway({ file, edits: [['b', ''], ['c', 'd']] }, 'abc')).toBe('ad') // biome-ignore format: one line says it
  expect(() => takenAway({ file, edits: [['x', '']] }, 'abc')).toThrow(GuardStale)
  expect(() => takenAway({ file, edits: [['a', '']] }, 'aba')).toThrow("'a' stands 2 times in a.ts, not once")
})

test('a title matches the names of all tests that it stands for', () => {
  expect(patternOf('a $what (%s) dies $when.here?').test('a worker (1.5) dies now?')).toBe(true)
  expect(patternOf('a.b').test('axb')).toBe(false)
})
