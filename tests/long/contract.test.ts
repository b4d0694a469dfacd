import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tokenFor } from '@airlock/testkit/http'
import { installSchemathesis, schemathesis } from '@airlock/testkit/schemathesis'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../chaos/cluster.ts'
import { root } from '../npm-start.ts'

/** The generators and validators, in the versions of docs/http-api.md. */
const dependencies = {
  '@redocly/cli': '2.77.0',
  'openapi-typescript': '7.13.0',
  'openapi-fetch': '0.17.0',
  '@hey-api/openapi-ts': '0.95.0',
  typescript: '5.9.3', // generators can't use version 7, which has no API
  '@types/node': '24.19.2',
}
const pythonPackages = ['openapi-python-client==0.29.1']

/** Delays as in production, and limits that many requests do not reach. */
const settings = {
  RATE_LIMIT_FILES_PER_HOUR: '100000',
  REQUESTS_PER_MINUTE: '10000000',
  S3_CALL_TIMEOUT_MS: '30000',
  DATABASE_STATEMENT_TIMEOUT_MS: '30000',
  DATABASE_CONNECT_TIMEOUT_MS: '30000',
  LEASE_SECONDS: '30',
  UPLOAD_MAX_SECONDS: '3600',
  UPLOAD_IDLE_SECONDS: '30',
}

/** Tools, document and generated clients. */
const folder = mkdtempSync(join(tmpdir(), 'airlock-contract-'))
let missing: string | null
let cluster: Cluster | undefined
let url = ''
let token = ''

beforeAll(async () => {
  missing = await install()
  if (missing !== null) return
  cluster = await startCluster({ settings })
  url = cluster.gateways[0] ?? ''
  token = tokenFor('0198c0de-0000-7000-8000-000000000001', cluster.jwtSecret, { scope: 'service ops' })
  writeFileSync(join(folder, 'openapi.json'), await (await fetch(`${url}/api/openapi.json`)).bytes())
})
beforeEach(({ skip }) => skip(missing !== null, missing ?? ''))
afterAll(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true })
})

/** @returns null, or why the tools are unavailable */
async function install(): Promise<string | null> {
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
    await run('npm', ['install', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'])
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--target', 'python', ...pythonPackages])
    return await installSchemathesis()
  } catch (error) {
    return `the tools can't be installed: ${String(error).slice(0, 300)}`
  }
}

/** Runs a program in the folder. @throws Error with its output if its exit code is not 0 */
async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const options = { cwd: folder, timeout: 600_000, maxBuffer: 64 * 1024 * 1024 }
  const context = { AIRLOCK_URL: url, AIRLOCK_TOKEN: token, AIRLOCK_PICTURE: join(root, 'examples/samples/good/logo.png') }
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { ...options, env: { ...process.env, ...context, ...env } })
    return stdout + stderr
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${program} ${args.join(' ')}: ${(stdout + stderr).slice(-3000)}`, { cause: error })
  }
}

/** An installed program. */
const bin = (name: string): string => join(folder, 'node_modules/.bin', name)

/** Compiles the example with what the generator wrote beside it, and runs it. */
async function compileAndRun(name: string): Promise<void> {
  const compilerOptions = {
    ...{ target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'], module: 'nodenext', types: ['node'] },
    ...{ strict: true, skipLibCheck: true, outDir: 'built', rootDir: '.' },
  }
  cpSync(join(root, 'examples/generated-clients', `${name}.ts`), join(folder, name, 'main.ts'))
  writeFileSync(join(folder, name, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.ts'] }))
  await run(bin('tsc'), ['-p', name])
  await run(process.execPath, [join(name, 'built/main.js')])
}

test('Redocly finds nothing in the document', async () => {
  const report = await run(bin('redocly'), ['lint', '--format=json', 'openapi.json'])
  expect(JSON.parse(report.slice(report.indexOf('{'), report.lastIndexOf('}') + 1)).problems).toEqual([])
})

test('a client of openapi-typescript compiles, and uploads, lists, follows events and deletes', async () => {
  mkdirSync(join(folder, 'openapi-fetch'))
  await run(bin('openapi-typescript'), ['openapi.json', '-o', 'openapi-fetch/airlock.ts'])
  await compileAndRun('openapi-fetch')
})

test('a client of @hey-api/openapi-ts compiles, and uploads, follows a job and deletes', async () => {
  const config = { input: 'openapi.json', output: { path: 'hey-api/airlock', importFileExtension: '.js' } }
  writeFileSync(join(folder, 'openapi-ts.config.js'), `export default ${JSON.stringify(config)}\n`)
  await run(bin('openapi-ts'), ['-f', 'openapi-ts.config.js'])
  await compileAndRun('hey-api')
})

test('a client of openapi-python-client uploads, lists, follows events and deletes', async () => {
  const python = join(folder, 'python')
  const env = { PYTHONPATH: `${folder}:${python}`, PATH: `${join(python, 'bin')}:${process.env.PATH}` }
  const args = ['generate', '--path', 'openapi.json', '--meta', 'none', '--output-path', 'airlock_client']
  const report = await run('python3', ['-m', 'openapi_python_client', ...args], env)
  // It can't read XML. These routes are for uploaders that speak S3, not for generated clients.
  const isOfS3 = (part: string) => /^WARNING parsing \w+ \/api\/uploads\/\{id\}\/s3/.test(part)
  const [start = '', ...parts] = report.split(/\n(?=[A-Z]+ parsing )/)
  expect(start.replace(/^Warning\(s\) encountered while generating\./m, '')).not.toMatch(/warning/i)
  expect(parts.filter((part) => !isOfS3(part))).toEqual([])
  await run('python3', ['-m', 'compileall', '-q', 'airlock_client'], env)
  await run('python3', [join(root, 'examples/generated-clients/python_client.py')], env)
})

test('Schemathesis finds nothing in five minutes, under all of its checks', async ({ annotate }) => {
  const { code, output } = await schemathesis({ url, token, args: ['--max-time', '300'], timeoutMs: 900_000 })
  expect(code, output.slice(-6000)).toBe(0)
  await annotate(/\d+ generated.*/.exec(output)?.[0] ?? '')
})
