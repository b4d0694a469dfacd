import { execFile } from 'node:child_process'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tokenFor } from '@airlock/testkit/http'
import { installSchemathesis, schemathesis } from '@airlock/testkit/schemathesis'
import type { Arena } from '../chaos/arena.ts'
import { type Check, inArena, inFolder, installPackages, type LongStep, proveAll, type StepContext, skipped } from './check.ts'

const run = promisify(execFile)

/** The generators and validators, in the versions of docs/http-api.md. */
const packages = {
  '@redocly/cli': '2.77.0',
  'openapi-typescript': '7.13.0',
  'openapi-fetch': '0.17.0',
  '@hey-api/openapi-ts': '0.95.0',
  typescript: '5.9.3', // generators can't use version 7, which has no API
  '@types/node': '24.19.2',
} as const
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
} as const

const userId = '0198c0de-0000-7000-8000-000000000001'

/** What the checks share. */
interface Scene {
  readonly root: string
  /** The folder of this run, with tools and document. */
  readonly folder: string
  readonly url: string
  readonly token: string
  readonly stop: AbortSignal
}

/** Generators, linters and a fuzzer on the OpenAPI document, against a running gateway and worker. */
export const contract: LongStep = {
  name: 'contract',
  about: 'lints the OpenAPI document, tests the clients of three generators, and fuzzes a gateway for five minutes',
  run: (context) =>
    inFolder('contract', async (folder) => {
      const missing = await install(folder, context)
      if (missing !== null) return checks.map(({ what }) => skipped(what, missing))
      return inArena(context, { folder, settings }, async (arena) => proveAll(checks, await sceneOf(arena, folder, context), context))
    }),
}

/** @returns null, or why the tools are unavailable */
async function install(folder: string, { stop }: StepContext): Promise<string | null> {
  try {
    await installPackages(packages, folder, stop)
    const args = ['-m', 'pip', 'install', '--quiet', '--target', 'python', ...pythonPackages]
    await run('python3', args, { cwd: folder, timeout: 600_000, signal: stop })
    return await installSchemathesis()
  } catch (error) {
    return `the tools can't be installed: ${String(error).slice(0, 300)}`
  }
}

async function sceneOf({ gateways, jwtSecret }: Arena, folder: string, { root, stop }: StepContext): Promise<Scene> {
  const [url = ''] = gateways
  const answer = await fetch(`${url}/api/openapi.json`)
  await writeFile(join(folder, 'openapi.json'), await answer.text())
  return { root, folder, url, token: tokenFor(userId, jwtSecret, { scope: 'service ops' }), stop }
}

const checks: readonly Check<Scene>[] = [
  { what: 'Redocly finds nothing in the document', prove: redocly },
  { what: 'a client of openapi-typescript compiles, and uploads, lists, follows events and deletes', prove: openapiTypescript },
  { what: 'a client of @hey-api/openapi-ts compiles, and uploads, follows a job and deletes', prove: heyApi },
  { what: 'a client of openapi-python-client uploads, lists, follows events and deletes', prove: openapiPythonClient },
  { what: 'Schemathesis finds nothing in five minutes, under all of its checks', prove: fuzz },
]

async function redocly(scene: Scene): Promise<string> {
  const { stdout } = await tool(scene, 'redocly', ['lint', '--format=json', 'openapi.json'])
  const { problems } = JSON.parse(stdout) as { problems: { ruleId: string; message: string }[] }
  if (problems.length > 0) throw new Error(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`).join('\n'))
  return ''
}

async function openapiTypescript(scene: Scene): Promise<string> {
  await project(scene, 'fetch', 'openapi-fetch.ts')
  await tool(scene, 'openapi-typescript', ['openapi.json', '-o', 'fetch/airlock.ts'])
  return compiledAndRun(scene, 'fetch')
}

async function heyApi(scene: Scene): Promise<string> {
  await project(scene, 'hey', 'hey-api.ts')
  const config = { input: 'openapi.json', output: { path: 'hey/airlock', importFileExtension: '.js' } }
  await writeFile(join(scene.folder, 'openapi-ts.config.js'), `export default ${JSON.stringify(config)}\n`)
  await tool(scene, 'openapi-ts', ['-f', 'openapi-ts.config.js'])
  return compiledAndRun(scene, 'hey')
}

async function openapiPythonClient(scene: Scene): Promise<string> {
  const env = {
    ...process.env,
    ...environment(scene),
    PYTHONPATH: join(scene.folder, 'python'),
    PATH: `${scene.folder}/python/bin:${process.env.PATH}`,
  }
  const args = ['-m', 'openapi_python_client', 'generate', '--path', 'openapi.json', '--meta', 'none']
  const { stdout, stderr } = await run('python3', [...args, '--output-path', 'airlock_client'], options(scene, env))
  if (/warning/i.test(stdout + stderr)) throw new Error(`it warns: ${stdout}${stderr}`)
  await run('python3', ['-m', 'compileall', '-q', 'airlock_client'], options(scene, env))
  const program = join(scene.root, 'tests/long/clients/python_client.py')
  const path = `${scene.folder}:${env.PYTHONPATH}`
  return (await run('python3', [program], options(scene, { ...env, PYTHONPATH: path }))).stdout.trim()
}

async function fuzz({ url, token, stop }: Scene): Promise<string> {
  const { code, says } = await schemathesis({ url, token, args: ['--max-time', '300'], timeoutMs: 900_000, signal: stop })
  if (code !== 0) throw new Error(says.slice(-6000))
  return /\d+ generated.*/.exec(says)?.[0] ?? ''
}

/** A folder with our program, for the output of a generator. */
async function project({ root, folder }: Scene, name: string, program: string): Promise<void> {
  const compilerOptions = {
    ...{ target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'], module: 'nodenext', types: ['node'] },
    ...{ strict: true, skipLibCheck: true, outDir: 'built', rootDir: '.' },
  }
  await mkdir(join(folder, name))
  await cp(join(root, 'tests/long/clients', program), join(folder, name, 'main.ts'))
  await writeFile(join(folder, name, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.ts'] }))
}

async function compiledAndRun(scene: Scene, name: string): Promise<string> {
  await tool(scene, 'tsc', ['-p', name])
  const env = { ...process.env, ...environment(scene) }
  return (await run(process.execPath, [join(scene.folder, name, 'built/main.js')], options(scene, env))).stdout.trim()
}

const environment = ({ root, url, token }: Scene): Record<string, string> => ({
  AIRLOCK_URL: url,
  AIRLOCK_TOKEN: token,
  AIRLOCK_PICTURE: join(root, 'examples/samples/good/logo.png'),
})

const options = ({ folder, stop }: Scene, env: NodeJS.ProcessEnv = process.env) => ({
  cwd: folder,
  env,
  signal: stop,
  timeout: 300_000,
  maxBuffer: 64 * 1024 * 1024,
})

/** Runs an installed program. @throws Error with its output if its exit code is not 0 */
async function tool(scene: Scene, name: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  try {
    return await run(join(scene.folder, 'node_modules/.bin', name), args, options(scene))
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${name} ${args.join(' ')}: ${(stdout + stderr).slice(-3000)}`, { cause: error })
  }
}
