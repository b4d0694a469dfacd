import type { Node } from './parse.ts'

/** Maximum number of texts per pattern. */
const maxTexts = 12

/** Texts that a pattern almost matches: they cover each alternative, and each optional part with and without it. */
export function textsOf(node: Node): string[] {
  switch (node.type) {
    case 'set':
      return [...new Set([someOf(node.characters), breakOf(node.characters)])]
    case 'sequence':
      return node.items.reduce<string[]>((texts, item) => joined(texts, textsOf(item)), [''])
    case 'choice':
      return spread(node.options.map(textsOf))
    case 'repeat': {
      const items = textsOf(node.item)
      const times = [...new Set([node.min, Math.min(Math.max(node.min, 1), node.max), Math.min(node.min + 3, node.max)])]
      return spread(times.map((count) => items.map((item) => item.repeat(count))))
    }
    case 'look':
      return node.item === null || !node.ahead ? [''] : textsOf(node.item)
    default:
      return node satisfies never
  }
}

/** A letter if possible, because it is in more classes. */
function someOf(characters: readonly number[]): string {
  const code = characters.find((each) => each === 0x61) ?? characters.find((each) => each > 0x20 && each < 0x7f) ?? characters[0] ?? 0x61
  return String.fromCharCode(code)
}

/** A line break if a class of white space has one, because a pattern with the flag `m` matches again after each. */
function breakOf(characters: readonly number[]): string {
  const isWhiteSpace = characters.length < 32 && characters.includes(0x20) && characters.includes(0x0d)
  return isWhiteSpace ? '\r' : someOf(characters)
}

/** Combines each item of the longer list with one of the other. */
function joined(before: readonly string[], after: readonly string[]): string[] {
  const count = Math.max(before.length, after.length)
  return Array.from({ length: Math.min(count, maxTexts) }, (_, i) => (before[i % before.length] ?? '') + (after[i % after.length] ?? ''))
}

const spread = (lists: readonly string[][]): string[] => [...new Set(lists.flat())].slice(0, maxTexts)

/**
 * Texts of a length that make a pattern with several paths try all of them: each prefix of each text repeated, and each prefix with its last character
 * repeated; both without an end that matches.
 */
export function* repeatedBeginnings(texts: readonly string[], length: number): Generator<string> {
  const beginnings = new Set(texts.flatMap((text) => Array.from({ length: Math.min(text.length, 40) }, (_, i) => text.slice(0, i + 1))))
  for (const beginning of beginnings) {
    yield `${beginning.repeat(Math.ceil(length / beginning.length)).slice(0, length)}\u0001`
    yield `${beginning}${beginning.slice(-1).repeat(Math.max(0, length - beginning.length))}\u0001`
  }
  for (const text of texts) {
    yield `${text.repeat(Math.ceil(length / Math.max(1, text.length))).slice(0, length)}\u0001`
  }
}
