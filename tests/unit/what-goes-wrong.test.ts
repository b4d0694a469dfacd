import { readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const [, ...failures] = readFileSync(join(root, 'docs/what-goes-wrong-elsewhere.md'), 'utf8').split(/^## /m)

/** The tests that a chapter names: `- "title" in [file](../path)`. */
const testsIn = (chapter: string) =>
  [...chapter.matchAll(/^- "([^"]+)" in\s+\[[^\]]+\]\(([^)]+)\)$/gm)].map(([, title = '', link = '']) => ({
    title,
    file: normalize(join('docs', link)),
  }))

test('the page has ten failures', () => {
  expect(failures).toHaveLength(10)
})

test.for(failures.map((chapter) => [chapter.split('\n', 1)[0], chapter] as const))(
  '%s: it has public reports, and the tests that it names exist',
  ([, chapter], { expect }) => {
    expect(chapter).toMatch(/\]\(https:\/\/github\.com\/[\w.-]+\/[\w.-]+\/issues\/\d+\)/)
    const tests = testsIn(chapter)
    expect(tests.length).toBe(chapter.match(/^- /gm)?.length)
    expect(tests.length).toBeGreaterThan(0)
    const isMissing = ({ file, title }: (typeof tests)[number]) => {
      const source = readFileSync(join(root, file), 'utf8')
      return !["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote},`))
    }
    expect(tests.filter(isMissing)).toEqual([])
  },
)
