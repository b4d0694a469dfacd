import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Stack, startStack } from '@airlock/dev-servers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../npm-start.ts'
import { testsById } from '../test-ids.ts'
import { patternOfTitle, withoutGuard } from './guards/guard.ts'
import { guards } from './guards/guards.ts'

const tests = testsById(root)
/** Results of tests with all guards, by id: some guards share a test. */
const withGuards = new Map<string, Promise<Run>>()
let copy = ''
let stack: Stack
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  copy = copySources()
  stack = await startStack({ ephemeral: true, say: () => {} })
  env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'))),
    TEST_DATABASE_URL: stack.postgres.url,
    TEST_REDIS_URL: stack.redis.url,
    TEST_S3_ENDPOINT: stack.s3.endpoint,
    TEST_S3_REGION: stack.s3.region,
    TEST_S3_ACCESS_KEY_ID: stack.s3.accessKeyId,
    TEST_S3_SECRET_ACCESS_KEY: stack.s3.secretAccessKey,
  }
})
afterAll(async () => {
  await stack?.stop()
  rmSync(copy, { recursive: true, force: true })
})

test.for(guards)('$id (invariant $invariant, $file)', async (guard, { annotate }) => {
  const path = join(copy, guard.file)
  const text = readFileSync(path, 'utf8')
  const green = withGuards.get(guard.test) ?? runTest(guard.test)
  withGuards.set(guard.test, green)
  expect(await green, `'${guard.test}' with the guard`).toMatchObject({ exitCode: 0, passed: expect.toSatisfy((count) => count > 0) })

  writeFileSync(path, withoutGuard(guard, text))
  const red = await runTest(guard.test).finally(() => writeFileSync(path, text))

  await annotate(`${red.failures.length} failed: ${red.failures[0]?.split('\n')[0]}`)
  expect(red.broken, `'${guard.test}' must run without the guard`).toEqual([])
  expect(red.exitCode, `'${guard.test}' must fail without the guard`).not.toBe(0)
})

/** The result of the tests with one title. */
interface Run {
  readonly exitCode: number
  readonly passed: number
  readonly failures: readonly string[]
  /** Why files could not be run. */
  readonly broken: readonly string[]
}

interface Report {
  readonly numPassedTests: number
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly { readonly failureMessages: string[] }[]
  }[]
}

/** Runs a test of the copy in a separate Vitest, with the servers of this file. */
async function runTest(id: string): Promise<Run> {
  const found = tests.get(id)
  if (found === undefined) throw new Error(`no test has the id '${id}'`)
  const reportFile = join(copy, '.airlock', 'report.json')
  rmSync(reportFile, { force: true })
  const args = ['run', found.file, '--testNamePattern', patternOfTitle(found.title).source, '--retry=0', '--isolate']
  const program = [join(copy, 'node_modules/vitest/vitest.mjs'), ...args, '--reporter=json', `--outputFile=${reportFile}`]
  const { promise, resolve } = Promise.withResolvers<number>()
  // tests have their own timeouts; this one is for hooks and teardown that hang
  const child = execFile(process.execPath, program, { cwd: copy, env, timeout: 600_000, maxBuffer: 64 * 1024 * 1024 }, () => {})
  child.on('exit', (code) => resolve(code ?? 1))
  const exitCode = await promise
  const { numPassedTests, testResults } = JSON.parse(readFileSync(reportFile, 'utf8')) as Report
  return {
    exitCode,
    passed: numPassedTests,
    failures: testResults.flatMap(({ assertionResults }) => assertionResults.flatMap(({ failureMessages }) => failureMessages)),
    broken: testResults.map(({ message }) => message).filter(Boolean),
  }
}

/**
 * Copies tracked and new files of the repository. Dependencies are linked, except our own packages. The copy is inside of the repository, because an
 * inspector may only read programs of the folders above it.
 */
function copySources(): string {
  const folder = join(root, '.airlock', 'guards')
  rmSync(folder, { recursive: true, force: true }) // an interrupted run may have left it
  mkdirSync(folder, { recursive: true })
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  for (const file of files.split('\0').filter((name) => name !== '' && existsSync(join(root, name))))
    cpSync(join(root, file), join(folder, file))
  for (const name of ['node_modules', '.airlock']) mkdirSync(join(folder, name))
  for (const name of readdirSync(join(root, 'node_modules'))) {
    const [from, to] = [join(root, 'node_modules', name), join(folder, 'node_modules', name)]
    if (name === '@airlock') cpSync(from, to, { recursive: true, verbatimSymlinks: true })
    // caches of tools must not be shared
    else if (!/^\.(vite|vitest|cache|experimental)/.test(name)) symlinkSync(from, to)
  }
  const downloads = '.airlock/tools'
  if (existsSync(join(root, downloads))) symlinkSync(join(root, downloads), join(folder, downloads))
  return folder
}
