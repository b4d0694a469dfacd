import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { compileCache, mustHoldNoSecret, waitFor } from '@airlock/testkit'

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))

export interface WorkerProcess {
  /** Its output so far. */
  output(): string
  /** The lines of its log, oldest first. */
  logged(): { msg: string; phase?: string }[]
  signal(signal: NodeJS.Signals): void
  /** Resolves with its exit code; null when it was killed. */
  readonly ended: Promise<number | null>
  kill(): Promise<void>
}

/**
 * Starts a worker as in production, in a separate process, and waits until it takes jobs.
 *
 * @param env its whole environment
 * @param options.limits arguments of the shell's `ulimit`
 */
export async function startWorkerProcess(env: Record<string, string>, { limits }: { limits?: string } = {}): Promise<WorkerProcess> {
  const limited = limits === undefined ? 'exec "$0" "$@"' : `ulimit ${limits}; exec "$0" "$@"`
  const child = spawn('sh', ['-c', limited, process.execPath, program], {
    env: {
      ...(limits === undefined && compileCache()),
      AIRLOCK_ENV_FILE: '',
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOST: '127.0.0.1',
      WORKER_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const running: WorkerProcess = {
    output: () => output,
    logged: () => output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : [])),
    signal: (signal) => void child.kill(signal),
    ended: new Promise<number | null>((resolve) => child.once('close', resolve)).then((code) => {
      mustHoldNoSecret('the worker', env, output)
      return code
    }),
    kill: () => killed(child),
  }
  const started = () => output.includes('worker started') || ended(child)
  await waitFor(started, { what: 'the worker to take jobs', timeoutMs: 30_000 }).catch(async (error: Error) => {
    await killed(child) // no caller has the child to stop it
    throw error
  })
  if (ended(child)) throw new Error(`the worker ended: ${output}`)
  return running
}

const ended = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

async function killed(child: ChildProcess): Promise<void> {
  if (ended(child)) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}
