import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const version = '4.32.5'

/** Next to installed packages, so that the next run finds it. */
const home = fileURLToPath(new URL(`../../../node_modules/.cache/airlock/schemathesis-${version}`, import.meta.url))

/**
 * Installs schemathesis into a separate folder.
 *
 * @returns null, or why it is unavailable
 */
export async function installSchemathesis(): Promise<string | null> {
  if (existsSync(join(home, 'bin/schemathesis'))) return null
  try {
    // created elsewhere and moved, so that a killed run leaves nothing incomplete
    const making = await mkdtemp(join(tmpdir(), 'airlock-schemathesis-'))
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--target', making, `schemathesis==${version}`], { timeout: 300_000 })
    await rm(home, { recursive: true, force: true })
    await run('mkdir', ['-p', join(home, '..')])
    await rename(making, home).catch(() => run('mv', [making, home]))
    return null
  } catch (error) {
    return `pip can't install it: ${String(error).slice(0, 300)}`
  }
}

/**
 * Without events, a request that waits for them takes half a minute. Some operations may refuse requests that the document allows, because a schema can't
 * express it: cursors are opaque, files are checked by their bytes, and some parameters exclude each other.
 */
const config = `
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 429, "5xx"]

[[operations]]
include-path = "/api/events"
parameters = { "query.wait" = 0 }
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 410, 429, "5xx"]

[[operations]]
include-path = ["/api/upload", "/api/uploads", "/api/uploads/sign", "/api/jobs", "/api/assets", "/api/pipeline/videos"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 413, 415, 422, 429, "5xx"]
`

export interface SchemathesisRun {
  /** Of a gateway. */
  readonly url: string
  readonly token: string
  /** `--max-time 300` and the like. */
  readonly args: readonly string[]
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/**
 * Runs schemathesis with all its checks on the OpenAPI document of a gateway: it sends valid and invalid requests.
 *
 * @returns its output, and its exit code: 0 if it found nothing
 */
export async function schemathesis({ url, token, args, timeoutMs, signal }: SchemathesisRun): Promise<{ code: number; output: string }> {
  const command = ['run', `${url}/api/openapi.json`, '--header', `Authorization: Bearer ${token}`, '--checks', 'all', '--no-color', ...args]
  const folder = await mkdtemp(join(tmpdir(), 'airlock-schemathesis-'))
  const env = { ...process.env, PYTHONPATH: home }
  const options = { timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024, cwd: folder, env, ...(signal && { signal }) }
  try {
    await writeFile(join(folder, 'schemathesis.toml'), config)
    const { stdout } = await run('python3', [join(home, 'bin/schemathesis'), ...command], options)
    return { code: 0, output: stdout }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string }
    return { code: code ?? 1, output: stdout + stderr }
  } finally {
    await rm(folder, { recursive: true })
  }
}
