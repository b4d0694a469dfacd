import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { programInPath } from '../../src/program-in-path.ts'
import { resetStack } from '../../src/stack.ts'
import { environment, npmStart, type Run, root, startMs } from './npm-start.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** The commands of the first upload, as they stand in the README: its blocks marked `sh walk`. */
const walk = [...readme.matchAll(/^```sh walk\n(.*?)^```$/gms)].map(([, commands]) => commands).join('')

let dataDir: string
let run: Run

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'airlock readme '))
})
afterEach(async () => {
  run.signal('SIGTERM')
  await run.ended
  await resetStack(dataDir)
  rmSync(dataDir, { recursive: true })
})

const curl = programInPath('curl')
if (curl === null) process.stderr.write("skipped: the README's walk needs curl, which this machine has not\n")

test.skipIf(curl === null)(
  "the README's two minutes: npm start, an upload by curl, and the same again with --check",
  { timeout: 3 * startMs },
  async () => {
    run = npmStart(dataDir)
    const [, url = ''] = await run.says(/^Airlock is up: (http:\S+)$/m)
    expect(run.output()).toMatch(/^(\d+) of \1 samples as expected/m)

    const { stdout, stderr } = await inShell(walk.replace('http://127.0.0.1:3000', url))
    expect(stderr).toBe('')
    expect(stdout).toMatch(/"status":"queued"/)
    expect(stdout).toMatch(/"status":"completed"/)
    expect(stdout).toContain('The same bytes.')
    expect(stdout).toMatch(/"code":"type_mismatch"/)

    run.signal('SIGTERM')
    expect(await run.ended).toBe(0)
    expect(run.output()).toMatch(/gateway stops.*worker stops.*Stopped\.\n$/s)

    run = npmStart(dataDir, '--check')
    expect(await run.ended).toBe(0)
    expect(run.output()).toContain('The schema is up to date.')
    expect(run.output()).toMatch(/✓ {2}good\/logo\.png +completed +brand-images\/\S+_logo\.png +8137 +\d+\n/)
  },
)

test('every other command of the README is a script that exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  const named = [...readme.matchAll(/npm (?:run (?:--silent )?)?([a-z:]+)/g)].map(([, name = '']) => name)

  expect(named).toContain('start')
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining([...new Set(named)]))
})

/** What a person's shell does with these lines, in the folder of the clone; the first that fails ends it. */
const inShell = (commands: string) => promisify(execFile)('sh', ['-euc', commands], { cwd: root, env: environment(dataDir) })
