import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import { containsExecutableScript, startsWithProgram } from '../../src/full/suspicious/executable-script.ts'
import { containsPage } from '../../src/full/suspicious/html-page.ts'
import { containsPhp } from '../../src/full/suspicious/php-code.ts'
import { searchText } from '../../src/full/suspicious/search.ts'
import { byteSignatures, textSignatures, xmpSignatures } from '../../src/full/suspicious/signatures.ts'
import { filesThatBuildPatterns, patternsInSource } from '../patterns/in-source.ts'
import { type Node, parse } from '../patterns/parse.ts'
import { slowText } from '../patterns/slowness.ts'
import { textsOf } from '../patterns/texts.ts'

/** Maximum length of headers, form fields and JSON bodies; longer texts of pictures need only linear time. */
const maxCharacters = 16 * 1024

/** Patterns with shorter input, and the code that limits it. */
const shorterInput: Readonly<Record<string, number>> = {
  // `onlySafe` shortens the text first
  'packages/domain/src/filename.ts': 255,
  // a longer name violates an earlier rule
  'packages/inspection/src/full/training-set/entry-rules.ts': 1024,
}

/** Files that only read what operators or this repository wrote. */
const ownInput: readonly string[] = ['apps/ops/src/commands/docs.ts']

const inTables = [...textSignatures, ...xmpSignatures, ...byteSignatures].flatMap(({ found, pattern, followedBy }) =>
  [pattern, followedBy].flatMap((each) => (each ? [{ where: `the sign of ${found}: ${each}`, pattern: each }] : [])),
)
const patterns = [...patternsInSource(), ...inTables].filter(({ where }) => !ownInput.some((file) => where.startsWith(file)))

describe('every pattern takes linear time', { timeout: 60_000 }, () => {
  test.each(patterns)('$where', ({ where, pattern }) => {
    const [, cap = maxCharacters] = Object.entries(shorterInput).find(([file]) => where.startsWith(file)) ?? []

    expect(slowText((text) => fromStart(pattern, text), textsOf(parse(pattern)), cap)).toBeNull()
  })

  test('the whole search of a text', { meta: { id: 'text-search-is-linear' } }, () => {
    const texts = [
      '<script>',
      '<x:script src=',
      '<script>"a";',
      '<script></script>',
      'javascript:(((',
      'java\tscript:"a",',
      '&amp;#x3c;',
      '&#60;script&#62;',
      '<svg onload=',
      '<!DOCTYPE x',
      '<html><',
      '%PDF-1 0 obj',
      '<?=a(',
      '<?php a. a. a. ',
      '<?php',
      '<html><a><a>',
      '<html><a ',
      '<%a <%=',
    ]

    expect(slowText((text) => quietly(() => searchText(Buffer.from(text), 'a test')), texts, 4 * maxCharacters)).toBeNull()
  })

  test('the search for programs in a text', () => {
    const texts = ['<script>', '<script> "a", "b", ', '<script>!!((', '<a:script>function', '<script></script>(', 'f(f(', '"a"+"a"+']

    expect(slowText(containsExecutableScript, texts, 4 * maxCharacters)).toBeNull()
    expect(slowText((text) => startsWithProgram(text, 0), texts, 4 * maxCharacters)).toBeNull()
  })
})

test.each(byteSignatures)('every match of $pattern begins as its signature says', ({ pattern, begins }) => {
  const length = Math.max(...begins.map((text) => text.length))
  const others = beginnings(parse(pattern), length).filter((text) => !begins.some((beginning) => text.startsWith(beginning)))

  expect(others).toEqual([])
})

test('mentions of PHP or of a page are recognised in linear time', { timeout: 60_000 }, () => {
  const tags = ['<html>', '<html><a>', '<html> ', '<html><', '<!doctype html><link ', '<html ', ' ', '<a>']
  const texts = ['<?php', '<?php ', '<?php a', '<?php a. ', '<?php a and ', '<?php and', '\xe2', ' \n', 'a or b. ']

  expect(slowText(containsPhp, texts, 4 * maxCharacters)).toBeNull()
  expect(slowText(containsPage, tags, 4 * maxCharacters)).toBeNull()
})

test('the test detects a quadratic pattern', { timeout: 60_000 }, () => {
  const pattern = /x[^>]*y/

  expect(slowText((text) => fromStart(pattern, text), textsOf(parse(pattern)), maxCharacters)).not.toBeNull()
})

test('every file that builds patterns at run time is listed here and tested above', () => {
  expect(filesThatBuildPatterns()).toEqual([
    // our own routes, with one placeholder up to a slash
    'apps/gateway/src/plugins/unknown-routes.ts',
    // a number of characters
    'apps/ops/src/commands/doctor/report.ts',
    // ids of fixed length
    'packages/domain/src/keys.ts',
    'packages/inspection/src/full/suspicious/executable-script.ts',
    'packages/inspection/src/full/suspicious/php-code.ts',
    'packages/inspection/src/full/suspicious/search.ts',
    'packages/inspection/src/full/suspicious/signatures.ts',
    // data of the kernel about a process
    'packages/inspection/src/isolated/process-usage.ts',
  ])
})

/** The first characters of all texts that a pattern matches, up to this number. */
function beginnings(node: Node, length: number): string[] {
  if (length === 0) return ['']
  switch (node.type) {
    case 'set':
      return node.characters.map((code) => String.fromCharCode(code))
    case 'sequence':
      return node.items.reduce<string[]>((texts, item) => continued(texts, item, length), [''])
    case 'choice':
      return node.options.flatMap((option) => beginnings(option, length))
    case 'repeat': {
      const times = Array.from({ length: Math.min(node.max, length) + 1 }, (_, count) => count).filter(
        (count) => count >= Math.min(node.min, length),
      )
      return times.flatMap((count) => Array.from({ length: count }).reduce<string[]>((texts) => continued(texts, node.item, length), ['']))
    }
    case 'look':
      return ['']
    default:
      return node satisfies never
  }
}

const continued = (texts: string[], item: Node, length: number): string[] => [
  ...new Set(texts.flatMap((text) => beginnings(item, length - text.length).map((more) => text + more))),
]

function fromStart(pattern: RegExp, text: string): void {
  pattern.lastIndex = 0
  pattern.test(text)
}

function quietly(run: () => void): void {
  try {
    run()
  } catch {
    // only the duration matters here
  }
}
