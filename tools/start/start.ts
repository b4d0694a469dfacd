import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError, readEnvFile } from '@airlock/config'
import { defaultDataDir, ensureBucket, keptIn, resetStack, startStack, waitFor } from '@airlock/dev-servers'
import { ask, gatewayClient } from '@airlock/testkit/http'
import { startDashboards } from './dashboards.ts'
import { choosePort } from './ports.ts'
import { sampleReport, sendSamples } from './samples.ts'
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
  readonly say: (line: string) => void
}

/** What the steps of a start share: their undo functions, and the abort signal. */
interface Run extends StartOptions {
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
 * reverse order.
 *
 * @returns the exit code: 0 after an interruption or a passed check, otherwise 1
 */
export async function start(options: StartOptions): Promise<number> {
  const died = new AbortController()
  const signal = AbortSignal.any([options.interrupted, died.signal])
  const undo: { name: string; stop: () => Promise<void> }[] = []
  const run: Run = {
    ...options,
    env: withSettingsOfFile(options),
    signal,
    undoLater: (name, stop) => undo.unshift({ name, stop }),
    onDeath: (reason) => died.abort(reason),
  }
  try {
    return await startAndWait(run)
  } catch (error) {
    return report(signal.aborted ? signal.reason : error, options)
  } finally {
    for (const { name, stop } of undo) {
      await stop().catch((error: unknown) => options.say(`${name} could not be stopped: ${messageOf(error)}`))
    }
    if (undo.length > 0) options.say('Stopped.')
  }
}

async function startAndWait(run: Run): Promise<number> {
  const begun = Date.now()
  const airlock = await startAll(run)
  const good = run.samples ? await showSamples(airlock, run) : true
  if (run.check) return good ? 0 : 1
  const userId = randomUUID()
  const token = await tokenFor(userId, airlock.context)
  run.say(welcome(airlock, { token, userId, seconds: Math.round((Date.now() - begun) / 1000) }))
  if (!run.signal.aborted) await once(run.signal, 'abort')
  throw run.signal.reason
}

/** Starts servers, then migrates, then starts worker and gateway. Undone in reverse order. */
async function startAll(run: Run) {
  const { root, env, say, signal } = run
  assertSettings(env)
  const addresses = await chooseAddresses(env, say)
  if (run.reset) await deleteKept(defaultDataDir(env), say)
  const stack = await startStack({ env, say })
  run.undoLater('servers', () => stack.stop())
  signal.throwIfAborted()

  const settings = stackSettings(stack, env, stack.file.secret('JWT_SECRET'))
  stack.file.environment(settings)
  await ensureBucket(stack.s3, settings.S3_BUCKET_NAME ?? '')
  const context: ServicesContext = { root, env: serviceEnvironment(env, settings, addresses), file: stack.file, say }
  await runToEnd({ name: 'migrate', entry: 'packages/database/src/migrate.ts' }, context)
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
  return { url: urlOf(host, port), context, dashboards }
}

/** Airlock runs on if they can't be started. @returns lines for the screen */
async function showDashboards({ host, port, workerPort }: Addresses, context: ServicesContext, run: Run): Promise<readonly string[]> {
  const { services, lines } = await startDashboards({ ...context, gateway: `${host}:${port}`, worker: `${host}:${workerPort}` })
  for (const service of services) run.undoLater(service.name, () => service.stop(dashboardsStopWithinMs))
  return lines
}

/** Settings that `.env` adds to the environment. */
function withSettingsOfFile({ env, say }: Pick<StartOptions, 'env' | 'say'>): NodeJS.ProcessEnv {
  const file = readEnvFile(env)
  if (file === null) return env
  const { env: filled, taken, left } = withEnvFile(env, file.values)
  const name = relative(process.cwd(), file.path)
  say(`Settings from ${name}: ${taken.length === 0 ? 'none' : taken.join(', ')}`)
  if (left.length > 0)
    say(`Ignored in ${name}: ${left.join(', ')}. npm start starts its own servers; export a variable to use another server`)
  return filled
}

/** @throws StackInUse */
async function deleteKept(folder: string, say: (line: string) => void): Promise<void> {
  const kept = keptIn(folder)
  say(kept.length === 0 ? `Nothing to delete in ${folder}` : `Deleting ${kept.join(', ')} in ${folder}`)
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

/** @returns whether every sample had the expected result */
async function showSamples({ url, context }: Airlock, { signal, say }: Run): Promise<boolean> {
  // a new user per run, so that the samples do not use up the hourly limit of others
  const token = await tokenFor(randomUUID(), context)
  const results = await sendSamples(gatewayClient({ baseUrl: url, token, signal }))
  signal.throwIfAborted()
  say(`\n${sampleReport(results)}`)
  return results.every(({ ok }) => ok)
}

const tokenFor = (userId: string, context: ServicesContext): Promise<string> => ops(['token', '--user', userId], context)

/** Runs the operators' command line. @returns what it printed. @throws Error with its messages if its exit code is not 0 */
async function ops(args: readonly string[], { root, env }: ServicesContext): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'apps/ops/src/main.ts'), ...args], { env })
  return stdout.trim()
}

/** An interrupted check is a failure. */
function report(reason: unknown, { check, say }: StartOptions): number {
  if (reason instanceof Interrupted) return check ? 1 : 0
  say(reason instanceof ConfigError ? reason.message : `\nAirlock can't continue. ${messageOf(reason)}`)
  return 1
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The last lines of `npm start`: the address of Airlock, a token, and three commands. */
const welcome = (
  { url, context, dashboards }: Airlock,
  { token, userId, seconds }: { token: string; userId: string; seconds: number },
): string =>
  `
Airlock is up: ${url}

A token for 24 hours, for the user ${userId}; 'npm run token' makes more:

  export TOKEN=${token}

Upload a picture, look at its job, get a URL of the asset:

  curl -H "authorization: Bearer $TOKEN" -F asset_type=brand_image -F "files=@examples/samples/good/logo.png" ${url}/api/upload
  curl -H "authorization: Bearer $TOKEN" ${url}/api/jobs/<job_id>
  curl -H "authorization: Bearer $TOKEN" ${url}/api/assets/<asset_id>/presigned
${dashboards.map((line) => `\n${line}`).join('')}
Up after ${seconds} s. Logs are in ${join(context.file.folder, 'logs')}. Ctrl-C stops everything; the data stays, until 'npm start -- --reset'.
`
