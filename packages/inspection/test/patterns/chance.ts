import type { Node } from './parse.ts'

/**
 * An upper bound of the probability that a pattern matches at one position of random bytes.
 *
 * Assertions count as always true.
 */
export function expectedMatches(node: Node): number {
  switch (node.type) {
    case 'set':
      return node.characters.filter((code) => code < 256).length / 256
    case 'sequence':
      return node.items.reduce((product, item) => product * expectedMatches(item), 1)
    case 'choice':
      return node.options.reduce((sum, option) => sum + expectedMatches(option), 0)
    case 'repeat': {
      const each = expectedMatches(node.item)
      const counts = Math.min(node.max, 100_000) - node.min + 1
      const unlimited = each < 1 ? (1 - each ** counts) / (1 - each) : counts
      return each ** node.min * unlimited
    }
    case 'look':
      return 1
    default:
      return node satisfies never
  }
}

/** Minimum length of a match. */
export function shortest(node: Node): number {
  switch (node.type) {
    case 'set':
      return 1
    case 'sequence':
      return node.items.reduce((sum, item) => sum + shortest(item), 0)
    case 'choice':
      return Math.min(...node.options.map(shortest))
    case 'repeat':
      return node.min * shortest(node.item)
    case 'look':
      return 0
    default:
      return node satisfies never
  }
}
