import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { removeLitter } from './leftovers.ts'
import { crashFamily, endProcess, identityOf, isRunning, type ProcessIdentity, signalFamily } from './process-identity.ts'
import { type Controls, inTurn, mayUse, type Provider, type StackContext } from './server.ts'
import type { ServerName } from './stack-file.ts'
import { waitFor } from './wait-for.ts'

/** A server that runs as a local process. */
export interface LocalServer<Address> {
  readonly kind: string
  /** Its program, for the line at startup. */
  readonly about: string
  readonly url: string
  readonly address: Address
  readonly command: string
  readonly args: readonly string[]
  /** The folder of its data, in which it runs. */
  readonly data: string
  readonly env?: Record<string, string>
  readonly user?: { readonly uid: number; readonly gid: number }
  /** Checks that it is ready. @throws Error until then */
  answers(): Promise<unknown>
  /** Signals for an orderly and for a quick stop. */
  readonly signals: { readonly stop: NodeJS.Signals; readonly discard: NodeJS.Signals }
  readonly folders?: readonly string[]
  /** Files that it leaves elsewhere if it is killed. */
  readonly litter?: readonly string[]
}

const readyWithinMs = 60_000

/** A server ended before it was ready, usually because another process took its port. */
class ServerDidNotStart extends Error {
  override name = 'ServerDidNotStart'
}

/**
 * The provider of local processes, the same for every server.
 *
 * @param prepare returns why the server is unavailable, or a function that describes it, each time with other free ports
 */
export const localProvider = <Address>(
  name: ServerName,
  kinds: readonly string[],
  prepare: (context: StackContext) => Promise<string | (() => Promise<LocalServer<Address>>)>,
): Provider<Address> => ({
  kinds,
  async open(context) {
    if (!mayUse('local', context.env)) return ''
    const describe = await prepare(context)
    if (typeof describe === 'string') return describe
    for (let attempt = 1; ; attempt++) {
      const { about, ...server } = { ...(await describe()), name }
      const { kind, url, address } = server
      const where = `${about} at ${new URL(url).host}`
      try {
        return { kind, address, where, controls: await start(server, context) }
      } catch (error) {
        // another process may have taken its port
        const taken = error instanceof ServerDidNotStart && /in use|could not bind|bind:/i.test(error.message)
        if (!taken || attempt === 3) throw error
      }
    }
  },
})

type Launch = Omit<LocalServer<unknown>, 'about' | 'address'> & { readonly name: ServerName }

/** Starts a server in a separate session, records it at once, and waits until it is ready. */
async function start(server: Launch, context: StackContext): Promise<Controls> {
  let running = launch(server, context)
  await untilItServes(server, running, context)
  return inTurn({
    stop: async () => {
      await endProcess(running, { signal: server.signals.stop })
      removeLitter(server)
    },
    start: async () => {
      if (isRunning(running)) return
      running = launch(server, context)
      await untilItServes(server, running, context)
    },
    crash: async () => {
      await crashFamily(running)
      removeLitter(server)
    },
    pause: async () => signalFamily(running, 'SIGSTOP'),
    resume: async () => signalFamily(running, 'SIGCONT'),
  })
}

function launch(server: Launch, { file, ephemeral }: StackContext): ProcessIdentity {
  const logFile = file.logFile(server.name)
  const log = openSync(logFile, 'a')
  const child = spawn(server.command, server.args, {
    cwd: server.data,
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: server.data, LC_ALL: 'C', ...server.env },
    stdio: ['ignore', log, log],
    detached: true, // a Ctrl-C in the terminal must reach the apps first
    ...server.user,
  })
  closeSync(log)
  child.unref()
  child.on('error', () => {}) // there is no pid then, which is reported below
  const identity = child.pid === undefined ? null : identityOf(child.pid)
  if (identity === null) throw new ServerDidNotStart(`${server.command} can't be run; ${lastLines(logFile)}`)
  const { kind, url, folders = [], litter = [], signals } = server
  const stopSignal = ephemeral ? signals.discard : signals.stop
  file.server(server.name, { kind, url, ...identity, stopSignal, logFile, litter }, { folders })
  return identity
}

async function untilItServes(server: Launch, running: ProcessIdentity, { file }: StackContext): Promise<void> {
  const logFile = file.logFile(server.name)
  const answered = await waitFor(
    async () => {
      if (!isRunning(running)) return 'gone'
      await server.answers()
      return 'serves'
    },
    { what: `${server.kind} at ${server.url} to serve (its log: ${logFile})`, timeoutMs: readyWithinMs, everyMs: 50 },
  )
  if (answered === 'gone') throw new ServerDidNotStart(`${server.kind} ended at once; ${lastLines(logFile)}`)
}

function lastLines(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-10)
  return `the last lines of ${logFile}:\n${lines.map((line) => `  ${line}`).join('\n')}`
}
