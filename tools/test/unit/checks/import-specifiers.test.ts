import { expect, test } from 'vitest'
import { importsIn } from '../../../checks/import-specifiers.ts'

const specifiers = (source: string) => importsIn(source).map(({ specifier }) => specifier)

test.each([
  ["import { a } from 'a'", ['a']],
  ['import type { a } from "a"', ['a']],
  ["import a, { type b } from 'a'", ['a']],
  ["import * as a from 'a'", ['a']],
  ["import 'a'", ['a']],
  ["export { a } from 'a'\nexport * from 'b'", ['a', 'b']],
  ["const a = await import('a')", ['a']],
  ["const a = require('a')", ['a']],
  ["type A = import('a').A", ['a']],
  ["import {\n  a,\n  b,\n} from 'a'", ['a']],
])('%j names %j', (source, expected) => {
  expect(specifiers(source)).toEqual(expected)
})

test.each([
  ["// import { a } from 'a'"],
  ["/**\n * @example import { a } from 'a'\n */"],
  ["const text = `import { a } from 'a'`"],
  ["const from = 'a'"],
  ["export const a = ['from', 'b']"],
  ["const url = 'https://example.org/from' // import 'a'"],
])('%j names nothing', (source) => {
  expect(specifiers(source)).toEqual([])
})

test('an import after a string that contains comment marks is found', () => {
  expect(specifiers("const all = 'src/**/*.ts'\nconst a = import('a')\nconst b = '*/'")).toEqual(['a'])
})

test('the line number is that of the module specifier', () => {
  expect(importsIn("// one\nimport {\n  a,\n} from 'a'\n")).toEqual([{ specifier: 'a', line: 4 }])
})
