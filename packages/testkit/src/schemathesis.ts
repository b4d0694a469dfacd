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
  if (existsSync(join(home, 'bin/schemathesis'))) return null
  try {
    // made aside and moved, so that a run that is killed leaves nothing half
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
 * Where nothing happens, whoever waits for events waits to the end: half a minute each time. Five operations may refuse what the document
 * allows, since no schema can say it: cursors are opaque, files are judged by their bytes, and of some parameters only one may be given.
 */
const config = `
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 429, "5xx"]

[[operations]]
include-path = "/api/events"
parameters = { "query.wait" = 0 }
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 410, 429, "5xx"]

[[operations]]
include-path = ["/api/upload", "/api/jobs", "/api/assets", "/api/pipeline/videos"]
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
 * Lets schemathesis send what the OpenAPI document of a gateway allows and what it does not, under all of its checks.
 *
 * @returns what it says, and its exit code: 0 when it found nothing
 */
export async function schemathesis({ url, token, args, timeoutMs, signal }: SchemathesisRun): Promise<{ code: number; says: string }> {
  const asked = ['run', `${url}/api/openapi.json`, '--header', `Authorization: Bearer ${token}`, '--checks', 'all', '--no-color', ...args]
  const folder = await mkdtemp(join(tmpdir(), 'airlock-schemathesis-'))
  const env = { ...process.env, PYTHONPATH: home }
  const options = { timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024, cwd: folder, env, ...(signal && { signal }) }
  try {
    await writeFile(join(folder, 'schemathesis.toml'), config)
    const { stdout } = await run('python3', [join(home, 'bin/schemathesis'), ...asked], options)
    return { code: 0, says: stdout }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string }
    return { code: code ?? 1, says: stdout + stderr }
  } finally {
    await rm(folder, { recursive: true })
  }
}
