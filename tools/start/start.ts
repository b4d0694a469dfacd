import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError, readEnvFile } from '@airlock/config'
import { defaultDataDir, ensureBucket, keptIn, resetStack, startStack, waitFor } from '@airlock/dev-servers'
import { ask, gatewayClient, tokenFor } from '@airlock/testkit/http'
import { startDashboards } from './dashboards.ts'
import { boundLogs } from './log-files.ts'
import { readableLogLine, warningsIn } from './log-lines.ts'
import { choosePort } from './ports.ts'
import { type SampleResult, sampleLine, sampleSummary, sendSamples } from './samples.ts'
import type { Screen } from './screen.ts'
import { endingError, type Program, runToEnd, type ServicesContext, startService } from './service.ts'
import { type Addresses, assertSettings, serviceEnvironment, stackSettings, urlOf, withEnvFile } from './settings.ts'

/** A signal requested the stop. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

export interface StartOptions {
  /** The root of the repository. */
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  /** Stop after the samples. */
  readonly check: boolean
  readonly samples: boolean
  /** Start Prometheus and Grafana too. */
  readonly dashboards: boolean
  /** First delete the data of earlier runs. */
  readonly reset: boolean
  /** Aborts with `Interrupted`. */
  readonly interrupted: AbortSignal
  /** Show the logs of gateway and worker. */
  readonly logs: boolean
  readonly screen: Screen
}

/** What the steps of a start share: their undo functions, and the abort signal. */
interface Run extends StartOptions {
  readonly say: (text: string) => void
  readonly signal: AbortSignal
  undoLater(name: string, stop: () => Promise<void>): void
  onDeath(died: Error): void
}

/** A running Airlock. */
type Airlock = Awaited<ReturnType<typeof startAll>>

const healthyWithinMs = 60_000
const dashboardsStopWithinMs = 10_000

/**
 * Starts servers, gateway and worker, uploads the samples, and runs until interrupted. Everything that was started is stopped before this returns, in
 * reverse order. The last line of a check is its verdict.
 *
 * @returns the exit code: 0 after an interruption or a passed check, otherwise 1
 */
export async function start(options: StartOptions): Promise<number> {
  const died = new AbortController()
  const { say } = options.screen
  const undo: { name: string; stop: () => Promise<void> }[] = []
  const run: Run = {
    ...options,
    say,
    signal: AbortSignal.any([options.interrupted, died.signal]),
    undoLater: (name, stop) => undo.unshift({ name, stop }),
    onDeath: (reason) => died.abort(reason),
  }
  const result = await startAndWait(run).catch((error: unknown) => failure(run.signal.aborted ? run.signal.reason : error, run))
  for (const { name, stop } of undo) {
    await stop().catch((error: unknown) => say(`${name} could not be stopped: ${messageOf(error)}`))
  }
  if (undo.length > 0 || options.interrupted.aborted) say('Stopped.')
  if (options.check)
    say(`Check ${result.ok ? options.screen.colour('green', 'passed') : options.screen.colour('red', 'failed')}: ${result.verdict}`)
  return result.ok ? 0 : 1
}

/** How a run ended. `verdict`: the end of the last line of a check. */
interface Result {
  readonly ok: boolean
  readonly verdict: string
}

async function startAndWait(run: Run): Promise<Result> {
  const begun = Date.now()
  const airlock = await startAll(run)
  const results = run.samples ? await showSamples(airlock, run) : []
  if (run.samples) run.say(`\n${sampleSummary(results)}`)
  if (run.check) return checked(results)
  welcome(airlock, run, Math.round((Date.now() - begun) / 1000))
  if (!run.signal.aborted) await once(run.signal, 'abort')
  throw run.signal.reason
}

function checked(results: readonly SampleResult[]): Result {
  const unexpected = results.filter(({ ok }) => !ok).length
  const verdict = unexpected === 0 ? 'all samples as expected.' : `${unexpected} of ${results.length} samples not as expected.`
  return { ok: unexpected === 0, verdict }
}

/** Starts servers, then migrates, then starts worker and gateway. Undone in reverse order. */
async function startAll(run: Run) {
  const { root, say, signal, screen } = run
  const env = withSettingsOfFile(run)
  assertSettings(env)
  const addresses = await chooseAddresses(env, say)
  if (run.reset) await deleteKept(defaultDataDir(env), say)
  say('Starting Postgres, Redis and S3 …')
  const stack = await startStack({ env, say: (line) => say(`  ${line}`) })
  run.undoLater('servers', () => stack.stop())
  const stopBounding = boundLogs(logFolder(stack.file))
  run.undoLater('log files', async () => stopBounding())
  signal.throwIfAborted()

  const settings = stackSettings(stack, env, stack.file.secret('JWT_SECRET'))
  stack.file.environment(settings)
  await ensureBucket(stack.s3, settings.S3_BUCKET_NAME ?? '')
  const warningIn = warningsIn()
  const onLogLine = (name: string, line: string) => {
    if (run.logs) return screen.raw(`${name.padEnd(7)} │ ${readableLogLine(line)}`)
    const warning = warningIn(name, line)
    if (warning !== null) say(screen.colour('yellow', `! ${warning}`))
  }
  const context: ServicesContext = { root, env: serviceEnvironment(env, settings, addresses), file: stack.file, onLogLine }
  say('Starting worker and gateway …')
  await Promise.all([
    runToEnd({ name: 'migrate', entry: 'packages/database/src/migrate.ts' }, context),
    ...(context.env.TRY_PAGE === 'true' ? [runToEnd({ name: 'page', entry: 'apps/try-page/build.ts' }, context)] : []),
  ])
  signal.throwIfAborted()

  const { host, port, workerPort } = addresses
  const worker: Program = { name: 'worker', entry: 'apps/worker/src/main.ts', url: urlOf(host, workerPort) }
  const gateway: Program = { name: 'gateway', entry: 'apps/gateway/src/main.ts', url: urlOf(host, port) }
  for (const program of [worker, gateway]) {
    const service = await startService(program, context)
    void service.ended.then((ending) => run.onDeath(endingError(service, ending)))
    run.undoLater(program.name, () => service.stop(stopWithinMs(context.env)))
  }
  // A given store is its owner's to set up.
  const setUp = stack.s3.kind === 'given' ? Promise.resolve('') : ops(['bucket', '--apply', '--reason', 'npm start'], context)
  await Promise.all([healthy(`${urlOf(host, port)}/api/health`, signal), setUp])
  const dashboards = run.dashboards ? await showDashboards(addresses, context, run) : []
  return { url: urlOf(host, port), context, dashboards, settings }
}

/** Airlock runs on if they can't be started. @returns lines for the screen */
async function showDashboards({ host, port, workerPort }: Addresses, context: ServicesContext, run: Run): Promise<readonly string[]> {
  const { services, lines } = await startDashboards({
    ...context,
    say: run.say,
    gateway: `${host}:${port}`,
    worker: `${host}:${workerPort}`,
  })
  for (const service of services) run.undoLater(service.name, () => service.stop(dashboardsStopWithinMs))
  return lines
}

/** Settings that `.env` adds to the environment. */
function withSettingsOfFile({ env, say }: Run): NodeJS.ProcessEnv {
  const file = readEnvFile(env)
  if (file === null) return env
  const { env: filled, taken, left } = withEnvFile(env, file.values)
  const name = shortPath(file.path)
  say(`Settings from ${name}: ${taken.length === 0 ? 'none' : taken.join(', ')}`)
  if (left.length > 0)
    say(`Ignored in ${name}: ${left.join(', ')}. npm start starts its own servers; export a variable to use another server`)
  return filled
}

/** @throws StackInUse */
async function deleteKept(folder: string, say: (line: string) => void): Promise<void> {
  const kept = keptIn(folder)
  say(kept.length === 0 ? `Nothing to delete in ${shortPath(folder)}` : `Deleting ${kept.join(', ')} in ${shortPath(folder)}`)
  await resetStack(folder)
}

const usualPort = 3000

async function chooseAddresses(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<Addresses> {
  const host = env.HOST || '127.0.0.1'
  const port = await choosePort(host, 'PORT', env.PORT, usualPort)
  if (!env.PORT && port !== usualPort) say(`Port ${usualPort} is in use, perhaps by another Airlock: the gateway uses ${port}`)
  const workerPort = await choosePort(host, 'WORKER_PORT', env.WORKER_PORT, port + 1, [port])
  return { host, port, workerPort }
}

/** The grace period of the service, and the limits of its other phases (docs/operating.md, "How do I stop it?"). */
const stopWithinMs = (env: NodeJS.ProcessEnv): number => (Number(env.SHUTDOWN_NOT_READY_SECONDS) + Number(env.SHUTDOWN_GRACE_S) + 20) * 1000

/** Waits until the gateway and all its servers are ready. */
async function healthy(url: string, signal: AbortSignal): Promise<void> {
  const isOk = async () => ((await ask(url, { signal, timeoutMs: 5_000 })).body as { status: string }).status === 'ok'
  await waitFor(() => signal.aborted || isOk(), { what: `${url} to answer 'ok'`, timeoutMs: healthyWithinMs, everyMs: 100 })
  signal.throwIfAborted()
}

async function showSamples({ url, settings }: Airlock, { signal, screen, say }: Run): Promise<SampleResult[]> {
  say('Sending the samples, good and bad:\n')
  // a new user per run, so that the samples do not use up the hourly limit of others
  const token = tokenFor(randomUUID(), settings.JWT_SECRET ?? '')
  const client = gatewayClient({ baseUrl: url, token, signal })
  return sendSamples(client, (result) => say(sampleLine(result, screen)), signal)
}

/** Runs the operators' command line. @returns what it printed. @throws Error with its messages if its exit code is not 0 */
async function ops(args: readonly string[], { root, env }: ServicesContext): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'apps/ops/src/main.ts'), ...args], { env })
  return stdout.trim()
}

/** Reports why Airlock ends. An interrupted check is a failure. */
function failure(reason: unknown, { check, say }: Run): Result {
  if (reason instanceof Interrupted) return { ok: !check, verdict: 'it was interrupted.' }
  say(reason instanceof ConfigError ? reason.message : `\nAirlock can't continue. ${messageOf(reason)}\n`)
  return { ok: false, verdict: "Airlock can't run, see above." }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const logFolder = (file: { readonly folder: string }): string => join(file.folder, 'logs')

/** Relative to the working directory if that is shorter. */
function shortPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short !== '' && short.length < path.length ? short : path
}

/** The user of the README, the same in each run: what they uploaded in earlier runs is still theirs. */
const exampleUser = '0198c0de-0000-7000-8000-000000000001'

/** The last lines of `npm start`: the address of Airlock, a token, an example, and how to stop. */
function welcome({ url, context, dashboards }: Airlock, { env, say }: Run, seconds: number): void {
  const page = context.env.TRY_PAGE === 'true' ? ['', `Drop your own files in a browser: ${url}/`] : []
  const folder = env.AIRLOCK_DATA_DIR ? `AIRLOCK_DATA_DIR='${env.AIRLOCK_DATA_DIR}' ` : ''
  say(
    [
      '',
      `Airlock is up: ${url}`,
      ...page,
      ...(dashboards.length > 0 ? ['', ...dashboards] : []),
      '',
      'In a second terminal in this folder, get a token and upload a picture:',
      '',
      `  TOKEN=$(${folder}npm run -s token -- --user ${exampleUser})`,
      `  curl ${url}/api/upload -H "authorization: Bearer $TOKEN" \\`,
      '    -F asset_type=brand_image -F files=@examples/samples/good/logo.png',
      '',
      `Up after ${seconds} s. Logs are in ${shortPath(logFolder(context.file))}; --logs shows them here.`,
      "Ctrl-C stops everything. The data stays until 'npm start -- --reset'.",
    ].join('\n'),
  )
}
