import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Arena, openArena } from '../chaos/arena.ts'

/** What the run provides to a step. */
export interface StepContext {
  /** The folder of the clone. */
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  /** Aborts the step; started processes are still stopped in order. */
  readonly stop: AbortSignal
  readonly say: (line: string) => void
}

/** The result of one check. */
export interface Finding {
  readonly what: string
  readonly verdict: 'ok' | 'failed' | 'skipped'
  readonly ms: number
  /** The measurements, or the error. */
  readonly remark: string
}

/** One part of `npm run test:long`. */
export interface LongStep {
  readonly name: string
  /** One line for `--help`. */
  readonly about: string
  run(context: StepContext): Promise<Finding[]>
}

/** A check of a step. Its name is a sentence about the product. */
export interface Check<Subject> {
  readonly what: string
  /**
   * @returns measurements for the report; may be empty
   * @throws if the check fails
   */
  prove(subject: Subject): Promise<string>
  /** Whether the remaining checks are skipped if it fails. */
  readonly isPrerequisite?: true
}

/** Runs checks in sequence, and prints each result at once. */
export async function proveAll<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
  { stop, say }: Pick<StepContext, 'stop' | 'say'>,
): Promise<Finding[]> {
  const findings: Finding[] = []
  let prerequisite = true
  for (const check of checks) {
    const finding = prerequisite && !stop.aborted ? await prove(check, subject, stop) : skipped(check.what)
    if (check.isPrerequisite && finding.verdict === 'failed') prerequisite = false
    say(lineOf(finding))
    findings.push(finding)
  }
  return findings
}

/** @param why what this machine lacks, if that is the reason */
export const skipped = (what: string, why = ''): Finding => ({ what, verdict: 'skipped', ms: 0, remark: why })

async function prove<Subject>({ what, prove }: Check<Subject>, subject: Subject, stop: AbortSignal): Promise<Finding> {
  const begun = performance.now()
  const ms = () => Math.round(performance.now() - begun)
  try {
    const remark = await prove(subject)
    return { what, verdict: 'ok', ms: ms(), remark }
  } catch (error) {
    if (stop.aborted) return skipped(what, 'interrupted')
    return { what, verdict: 'failed', ms: ms(), remark: withCauses(error) }
  }
}

function withCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}, because: ${withCauses(error.cause)}`
}

const marks = { ok: '✓', failed: '✗', skipped: '–' } as const

/** A finding as a line for the terminal, followed by its remark. */
export function lineOf({ what, verdict, ms, remark }: Finding): string {
  const line = `${marks[verdict]} ${what}${verdict === 'skipped' ? ' (skipped)' : `  ${(ms / 1000).toFixed(1)} s`}`
  return [line, ...remark.split('\n').filter((text) => text !== '')].join('\n    ')
}

/**
 * Runs one of our programs to its end, and prints its lines.
 *
 * @param args the file, relative to the root of the repository, and its arguments
 * @returns its last line
 * @throws Error with that line if its exit code is not 0
 */
export async function lastLineOf([file, ...args]: readonly [string, ...string[]], { root, env, stop, say }: StepContext): Promise<string> {
  const child = spawn(process.execPath, [join(root, file), ...args], { env, stdio: ['ignore', 'pipe', 'inherit'], signal: stop })
  child.on('error', () => {}) // it was stopped; its exit code tells how it ended
  let last = ''
  for await (const text of child.stdout.setEncoding('utf8')) {
    for (const line of String(text).split('\n').filter(Boolean)) {
      say(`    ${line}`)
      last = line
    }
  }
  const code = await new Promise<number | null>((resolve) =>
    child.exitCode === null ? child.on('exit', resolve) : resolve(child.exitCode),
  )
  if (code !== 0) throw new Error(last)
  return last
}

/** Gives work a folder that is removed after it. */
export async function inFolder<T>(name: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `airlock-${name}-`))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Gives work the processes and servers of chaos, with other settings and without faults. @param folder for their logs */
export async function inArena<T>(
  context: StepContext,
  { folder, settings }: { folder: string; settings: Readonly<Record<string, string>> },
  work: (arena: Arena) => Promise<T>,
): Promise<T> {
  const arena = await openArena({ ...context, folder, settings })
  try {
    return await work(arena)
  } finally {
    await arena.stop()
  }
}

/** Installs packages of npm into a folder, for this run alone. */
export async function installPackages(dependencies: Readonly<Record<string, string>>, folder: string, stop: AbortSignal): Promise<void> {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
  const args = ['install', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund']
  await promisify(execFile)('npm', args, { cwd: folder, timeout: 600_000, signal: stop })
}
