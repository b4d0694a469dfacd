import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { variableNames } from '@airlock/config'
import { waitFor } from '@airlock/dev-servers'

/** The root of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** A run of `npm start` in a separate process. */
export interface Run {
  /** Its output so far. */
  output(): string
  /** Waits for output that matches. @returns the match */
  outputMatches(pattern: RegExp): Promise<RegExpExecArray>
  signal(signal: NodeJS.Signals): void
  /** Its exit code, after it has ended. */
  readonly ended: Promise<number | null>
}

/** Maximum duration of a start on a busy machine. */
export const startMs = 120_000

/** The environment of `npm start` without the servers of the developer and of the test runner. */
export function environment(dataDir: string): NodeJS.ProcessEnv {
  const foreign = [...variableNames, 'NODE_ENV', 'NODE_OPTIONS', 'NODE_V8_COVERAGE']
  const kept = Object.entries(process.env).filter(([name]) => !foreign.includes(name) && !/^(VITEST|TEST_|AWS_)/.test(name))
  return { ...Object.fromEntries(kept), AIRLOCK_DATA_DIR: dataDir, AIRLOCK_ENV_FILE: '', PORT: '0' }
}

/** Runs `npm start` with these flags and settings; at the end of the test `signal` stops it. */
export function npmStart(dataDir: string, flags: readonly string[] = [], settings: NodeJS.ProcessEnv = {}): Run {
  const child = spawn('npm', ['start', '--', ...flags], {
    cwd: root,
    env: { ...environment(dataDir), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = endOf(child)
  return {
    output: () => output,
    ended,
    signal: (signal) => child.kill(signal),
    outputMatches: async (pattern) => {
      let over = false
      void ended.then(() => (over = true))
      await waitFor(() => over || pattern.test(output), { what: `npm start to write ${pattern}`, timeoutMs: startMs })
      const match = pattern.exec(output)
      if (match === null) throw new Error(`npm start has ended without ${pattern}. It wrote:\n${output}`)
      return match
    },
  }
}

const endOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => child.once('error', reject).once('close', (code) => resolve(code)))
