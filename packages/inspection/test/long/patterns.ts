/**
 * Checks every pattern for external input with the ReDoS checker recheck. Usage: node patterns.ts FOLDER, where recheck is installed in FOLDER. Exits with 1
 * if a pattern is vulnerable whose input is not limited by code.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { byteSignatures, textSignatures, xmpSignatures } from '../../src/full/suspicious/signatures.ts'
import { patternsInSource } from '../patterns/in-source.ts'

interface Diagnostics {
  readonly status: 'safe' | 'vulnerable' | 'unknown'
  readonly complexity?: { readonly summary: string }
  readonly attack?: { readonly string: string }
  readonly error?: { readonly kind: string }
}
type Check = (source: string, flags: string, parameters: { timeout: number }) => Promise<Diagnostics>

const timeoutMs = 20_000

/** Files with quadratic patterns whose input is short (see patterns.test.ts). */
const bounded = ['packages/domain/src/filename.ts', 'packages/inspection/src/full/training-set/entry-rules.ts']

process.env.RECHECK_BACKEND = 'pure' // in JavaScript, without Java or native programs
const { check } = createRequire(join(process.argv[2] ?? '.', 'package.json'))('recheck') as { check: Check }

/** Files that only read what this repository wrote. */
const ownInput = ['apps/ops/src/commands/docs.ts']

/** recheck counts steps of its own engine. An attack string that V8 processes faster than this is ignored, in ms of CPU time. */
const harmlessMs = 200

/** @returns the CPU time of the attack string here, in ms */
function costOf(pattern: RegExp, text: string): number {
  const before = process.cpuUsage()
  pattern.lastIndex = 0
  pattern.test(text)
  return process.cpuUsage(before).user / 1000
}

const signs = [...textSignatures, ...xmpSignatures, ...byteSignatures].flatMap(({ found, pattern, followedBy }) =>
  [pattern, followedBy].flatMap((each) => (each ? [{ where: `the sign of ${found}: ${each}`, pattern: each }] : [])),
)
const counts = new Map<string, number>()
const vulnerable: string[] = []
const all = [...patternsInSource(), ...signs].filter(({ where }) => !ownInput.some((file) => where.startsWith(file)))
for (const { where, pattern } of all) {
  const { status, complexity, error, attack } = await check(pattern.source, pattern.flags, { timeout: timeoutMs })
  const isBounded = bounded.some((file) => where.startsWith(file))
  const isHarmless = attack !== undefined && costOf(pattern, attack.string) < harmlessMs
  const verdict = status !== 'vulnerable' ? status : isBounded ? 'polynomial on a bounded text' : isHarmless ? 'attacked in vain' : status
  counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
  if (verdict === 'vulnerable') vulnerable.push(where)
  if (verdict !== 'safe') process.stdout.write(`${verdict} (${complexity?.summary ?? error?.kind ?? ''}): ${where}\n`)
}
const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
process.stdout.write(`${total} patterns: ${[...counts].map(([verdict, count]) => `${count} ${verdict}`).join(', ')}\n`)
process.exitCode = vulnerable.length === 0 ? 0 : 1
