import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root, startMs } from '../npm-start.ts'
import { execute, handedOver, Walk, walkOf } from '../walk.ts'

let walk: Walk

beforeAll(async () => {
  walk = new Walk()
  await walk.ready()
}, startMs)
afterAll(() => walk.ends(), startMs)

test('the pipeline in Python creates a video, enqueues it and fetches its asset', { timeout: 5 * startMs }, async (context) => {
  const missing = await whyNoPython()
  if (missing !== null) {
    process.stderr.write(`skipped: the pipeline in Python, because ${missing}\n`)
    context.skip(missing)
  }
  const [token = ''] = walkOf('docs/pipeline.md', 'sh walk').split('\n')
  const { stdout } = await walk.inShell(`${token}\n${walkOf('docs/pipeline.md', 'sh walk python')}`)
  expect(stdout).toMatch(handedOver)
})

/** The virtual environment is created once per clone; only that needs PyPI. @returns why the example can't run, or null */
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
