import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { root } from '../../../tests/npm-start.ts'
import type { Measurement } from '../results.ts'
import { outcomes } from '../targets.ts'
import { contestantsChart, growthChart } from './chart.ts'

/** Writes the results of a run: `bench/results/<date>.json`, and the charts of the docs. @returns the paths that were written, from the root */
export function writeResults(measurements: readonly Measurement[], run: { readonly rounds: number; readonly startedAt: Date }): string[] {
  const targets = outcomes(measurements).map(({ title, measured, target, met }) => ({ title, measured, target, met }))
  const results = {
    startedAt: run.startedAt.toISOString(),
    revision: revision(),
    machine: machine(),
    rounds: run.rounds,
    targets,
    measurements,
  }
  const files: [string, string | null][] = [
    [`bench/results/${run.startedAt.toISOString().slice(0, 10)}.json`, `${JSON.stringify(results, rounded, 2)}\n`],
    ['docs/images/performance.svg', contestantsChart(measurements)],
    ['docs/images/performance-growth.svg', growthChart(measurements)],
  ]
  return files.flatMap(([path, text]) => {
    if (text === null) return []
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
    return [path]
  })
}

const rounded = (_name: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value)

function machine() {
  const all = cpus()
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
  }
}

const revision = (): string => execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).trim()
