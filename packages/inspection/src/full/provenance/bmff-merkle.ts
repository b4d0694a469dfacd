import { createHash } from 'node:crypto'
import type { ByteRange } from '../byte-range.ts'
import { bytesOf, countOf, objectOf } from './answer.ts'
import { isEqual } from './data-hash.ts'
import { type HashedVideo, hashRange } from './hashed-video.ts'

/** The part of a box `mdat` that no block contains: the longest possible header. */
const headerBytes = 16

/** Blocks of all trees together: those of 64 KiB of the largest video are 8000. */
const maxBlocks = 50_000

/**
 * Verifies the Merkle trees of a file with one tree for each box `mdat`, whose leaves are the hashes of blocks of one size. In the assertion is a row of
 * the tree, which the blocks must lead to.
 *
 * @returns the ranges that the trees cover; null for other kinds of trees, such as those of fragments
 */
export async function provenBlocks(
  video: HashedVideo,
  trees: readonly unknown[],
  algorithm: string,
): Promise<readonly ByteRange[] | 'contradiction' | null> {
  if (trees.length === 0) return []
  const media = video.topLevel.filter(({ type }) => type === 'mdat')
  if (media.length !== trees.length) return null
  const proven: ByteRange[] = []
  for (const [i, tree] of trees.map(objectOf).entries()) {
    const size = countOf(tree.fixedBlockSize)
    const row = Array.isArray(tree.hashes) ? tree.hashes.map(bytesOf) : []
    const range = { start: (media[i]?.start ?? 0) + headerBytes, end: media[i]?.end ?? 0 }
    const count = size ? Math.ceil((range.end - range.start) / size) : 0
    const isOwnTree = (tree.localId ?? i) === i && (tree.alg ?? algorithm) === algorithm
    if (!size || !isOwnTree || count < 1 || count > maxBlocks || row.length === 0 || row.length > count || row.includes(null)) return null
    if (countOf(tree.count) !== count) return 'contradiction'
    const leaves = await hashBlocks(video, range, size, algorithm)
    if (!leadsTo(leaves, row as Buffer[], algorithm)) return 'contradiction'
    proven.push(range)
  }
  return proven
}

async function hashBlocks(video: HashedVideo, { start, end }: ByteRange, size: number, algorithm: string): Promise<Buffer[]> {
  const leaves: Buffer[] = []
  for (let at = start; at < end; at += size) {
    const hash = createHash(algorithm)
    await hashRange(video, hash, { start: at, end: Math.min(end, at + size) })
    leaves.push(hash.digest())
  }
  return leaves
}

/** Two neighbours make a node of the next row; one without a neighbour moves up. */
function leadsTo(leaves: readonly Buffer[], row: readonly Buffer[], algorithm: string): boolean {
  let nodes = leaves
  while (nodes.length > row.length) {
    const next: Buffer[] = []
    for (let i = 0; i < nodes.length; i += 2) {
      const pair = nodes.slice(i, i + 2)
      next.push(pair.length === 1 ? (pair[0] as Buffer) : createHash(algorithm).update(Buffer.concat(pair)).digest())
    }
    nodes = next
  }
  return nodes.length === row.length && nodes.every((node, i) => isEqual(node, row[i] as Buffer))
}
