import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { programInPath } from '../../src/program-in-path.ts'
import { resetStack } from '../../src/stack.ts'
import { environment, npmStart, type Run, root, startMs } from './npm-start.ts'

/** What a stranger copies from our pages, run as it stands there, all beside one `npm start`. */

let dataDir: string
let run: Run
let url: string

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'airlock walks '))
  run = npmStart(dataDir)
  const [, said = ''] = await run.says(/^Airlock is up: (http:\S+)$/m)
  url = said
}, startMs)
afterAll(async () => {
  run.signal('SIGTERM')
  await run.ended
  await resetStack(dataDir)
  rmSync(dataDir, { recursive: true })
})

const execute = promisify(execFile)
const page = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The commands of a page: its blocks with these words behind the fence. */
const walkOf = (path: string, words: string): string =>
  [...page(path).matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, fence, commands]) => (fence === words ? commands : '')).join('')

/** What a person's shell does with these lines, in the folder of the clone; the first that fails ends it. */
const inShell = (commands: string) =>
  execute('sh', ['-euc', commands.replaceAll('http://127.0.0.1:3000', url)], { cwd: root, env: environment(dataDir), timeout: 4 * startMs })

const curl = programInPath('curl')
if (curl === null) process.stderr.write("skipped: the README's walk needs curl, which this machine has not\n")

test.skipIf(curl === null)("the README's two minutes: an upload by curl, and its asset", { timeout: startMs }, async () => {
  expect(run.output()).toMatch(/^(\d+) of \1 samples as expected/m)
  const { stdout, stderr } = await inShell(walkOf('README.md', 'sh walk'))
  expect(stderr).toBe('')
  expect(stdout).toMatch(/"status":"queued"/)
  expect(stdout).toMatch(/"status":"completed"/)
  expect(stdout).toContain('The same bytes.')
  expect(stdout).toMatch(/"code":"type_mismatch"/)
})

/** What both pipelines print of a video that becomes an asset. */
const handedOver = /^uploaded s3:\S+\nenqueued \S+\ncompleted s3:\/\/\S+\/generated-videos\/\S+\ndownloaded [1-9]\d* bytes, the same\n/

test('the pipeline in TypeScript hands a video over and fetches its asset, and hears why a bad one is none', {
  timeout: startMs,
}, async () => {
  const { stdout, stderr } = await inShell(walkOf('docs/pipeline.md', 'sh walk'))
  expect(stderr).toBe('')
  expect(stdout.replaceAll(', waiting', '')).toMatch(handedOver)
  expect(stdout).toMatch(/\nrejected type_mismatch: File 'holiday.mp4' claims to be MP4, but its content is PNG.\nexit code 1\n$/)
})

test('the pipeline in Python makes a video, hands it over and fetches its asset', { timeout: 5 * startMs }, async (context) => {
  const missing = await whyNoPython()
  if (missing !== null) {
    process.stderr.write(`skipped: the pipeline in Python, because ${missing}\n`)
    context.skip(missing)
  }
  const [token = ''] = walkOf('docs/pipeline.md', 'sh walk').split('\n')
  const { stdout } = await inShell(`${token}\n${walkOf('docs/pipeline.md', 'sh walk python')}`)
  expect(stdout).toMatch(handedOver)
})

/** Its virtual environment is made once a clone; only that needs PyPI. @returns null when it can run */
async function whyNoPython(): Promise<string | null> {
  const ready = await execute(join(root, '.airlock/python-pipeline/bin/python'), ['-c', 'import bullmq, boto3, imageio_ffmpeg']).catch(
    () => null,
  )
  if (ready !== null) return null
  const canMake = await execute('python3', ['-c', 'import venv, ensurepip']).catch(() => null)
  if (canMake === null) return 'this machine has no python3 with venv'
  const index = process.env.PIP_INDEX_URL || 'https://pypi.org/simple'
  const answer = await fetch(`${index.replace(/\/$/, '')}/bullmq/`, { method: 'HEAD', signal: AbortSignal.timeout(10_000) }).catch(
    () => null,
  )
  return answer?.ok ? null : `${index} can't be reached`
}

test('a stack is stopped in good order, and starts again where it was', { timeout: 2 * startMs }, async () => {
  run.signal('SIGTERM')
  expect(await run.ended).toBe(0)
  expect(run.output()).toMatch(/gateway stops.*worker stops.*Stopped\.\n$/s)

  run = npmStart(dataDir, ['--check'])
  expect(await run.ended).toBe(0)
  expect(run.output()).toContain('The schema is up to date.')
  expect(run.output()).toMatch(/✓ {2}good\/logo\.png +completed +brand-images\/\S+_logo\.png +8137 +\d+\n/)
})

test('every other command of the README is a script that exists', () => {
  const { scripts } = JSON.parse(page('package.json')) as { scripts: Record<string, string> }
  const named = [...page('README.md').matchAll(/npm (?:run (?:--silent )?)?([a-z:]+)/g)].map(([, name = '']) => name)

  expect(named).toContain('start')
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining([...new Set(named)]))
})
