/**
 * Asks the ReDoS checker recheck about every pattern that sees input of others. Usage: node patterns.ts FOLDER, where recheck is installed in
 * FOLDER. Exit code 1 when it calls one vulnerable that no code cuts short.
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

/** Quadratic, on a text that code before them bounds to so few characters that it does not matter (see patterns.test.ts). */
const bounded = ['packages/domain/src/filename.ts', 'packages/inspection/src/full/training-set/entry-rules.ts']

process.env.RECHECK_BACKEND = 'pure' // in JavaScript: no Java, no native program
const { check } = createRequire(join(process.argv[2] ?? '.', 'package.json'))('recheck') as { check: Check }

/** Reads what this repository itself wrote. */
const ownInput = ['apps/ops/src/commands/docs.ts']

/** recheck counts the steps of its own engine. An attack of its making that V8 gets done with so soon is none, in ms of processor time. */
const harmlessMs = 200

/** @returns the ms of processor time that the attack takes here */
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
