import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const version = '4.32.5'

/** Beside what npm installs, so that the next run finds it. */
const home = fileURLToPath(new URL(`../../../node_modules/.cache/airlock/schemathesis-${version}`, import.meta.url))

/**
 * Installs schemathesis into a folder of its own.
 *
 * @returns null, or why it can't be had here
 */
export async function installSchemathesis(): Promise<string | null> {
  if (process.env.CI === undefined) return 'it runs where CI is set: it takes a minute, and half of one more to install'
  if (existsSync(join(home, 'bin/schemathesis'))) return null
  try {
    // made aside and moved, so that a run that is killed leaves nothing half
    const making = await mkdtemp(join(tmpdir(), 'airlock-schemathesis-'))
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--target', making, `schemathesis==${version}`], { timeout: 180_000 })
    await rm(home, { recursive: true, force: true })
    await run('mkdir', ['-p', join(home, '..')])
    await rename(making, home).catch(() => run('mv', [making, home]))
    return null
  } catch (error) {
    return `pip can't install it: ${String(error).slice(0, 300)}`
  }
}

/** Where nothing happens, whoever waits for events waits to the end: half a minute each time. */
const config = `
[[operations]]
include-path = "/api/events"
parameters = { "query.wait" = 0 }
`

/** Lets schemathesis send what the OpenAPI document allows and what it does not, always the same. @returns what it says, and its exit code */
export async function schemathesis(url: string, token: string): Promise<{ code: number; says: string }> {
  const checks = 'not_a_server_error,response_schema_conformance,content_type_conformance,status_code_conformance'
  const args = ['run', `${url}/api/openapi.json`, '--header', `Authorization: Bearer ${token}`, '--checks', checks]
  const bounds = ['--max-examples', '10', '--phases', 'examples,coverage,fuzzing', '--generation-deterministic', '--no-color']
  const folder = await mkdtemp(join(tmpdir(), 'airlock-schemathesis-'))
  const options = { timeout: 120_000, maxBuffer: 16 * 1024 * 1024, cwd: folder, env: { ...process.env, PYTHONPATH: home } }
  try {
    await writeFile(join(folder, 'schemathesis.toml'), config)
    const { stdout } = await run('python3', [join(home, 'bin/schemathesis'), ...args, ...bounds], options)
    return { code: 0, says: stdout }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string }
    return { code: code ?? 1, says: stdout + stderr }
  } finally {
    await rm(folder, { recursive: true })
  }
}
