import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { proveAll, skipped } from './check.ts'
import { lastLineOf } from './program.ts'
import type { LongStep } from './step.ts'

/** Installed only for this run, without its optional native and Java programs of 50 MB. */
const recheck = { recheck: '4.5.0' }

const what = 'no pattern that sees input of others is vulnerable, says recheck'

/** Analyses each pattern statically; `patterns.test.ts` measures them. */
export const patterns: LongStep = {
  name: 'patterns',
  about: 'checks every regular expression of apps and packages with the ReDoS checker recheck',
  async run(context) {
    const folder = await mkdtemp(join(tmpdir(), 'airlock-recheck-'))
    try {
      await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: recheck }))
      const args = ['install', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund']
      await promisify(execFile)('npm', args, { cwd: folder, timeout: 180_000, signal: context.stop })
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      return [skipped(what, `recheck can't be installed: ${String(error).slice(0, 300)}`)]
    }
    try {
      const prove = () => lastLineOf(['packages/inspection/test/long/patterns.ts', folder], context)
      return await proveAll([{ what, prove }], context, context)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
