import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** How inspector processes are started: as plain child processes, or in separate namespaces. */
export interface Launcher {
  /** The isolation of inspector processes from others, in words for the log. */
  readonly isolation: string
  /** The command, with the arguments that precede those of the program. */
  readonly command: readonly [file: string, ...args: string[]]
  /** Whether the inspector is the only child of the started process, so that the child must be measured. */
  readonly inNamespaces: boolean
}

/** Used if no further isolation is available. */
export const plainLauncher: Launcher = {
  isolation: 'separate process',
  command: [process.execPath],
  inNamespaces: false,
}

const probeMs = 20_000

/**
 * Finds the strongest isolation that is available without privileges: user, PID, network, IPC and mount namespaces, with `unshare` and `setpriv` of
 * util-linux. Many container runtimes forbid namespaces in containers; then the result is `plainLauncher`. It starts up to two processes and
 * waits for them, so call it once at startup.
 */
export function findLauncher(): Launcher {
  if (process.platform !== 'linux') return plainLauncher
  const [unshare, setpriv] = [inSystem('unshare'), inSystem('setpriv')]
  if (unshare === null || setpriv === null) return plainLauncher
  const candidates = [
    { isolation: 'separate namespaces and /proc', flags: ['--mount-proc'] },
    { isolation: 'separate namespaces', flags: [] },
  ]
  for (const { isolation, flags } of candidates) {
    const launcher: Launcher = { isolation, command: inNamespaces(unshare, setpriv, flags), inNamespaces: true }
    if (works(launcher)) return launcher
  }
  return plainLauncher
}

/** Not by PATH, which an inspector's environment does not contain. */
const inSystem = (name: string): string | null => ['/usr/bin', '/bin'].map((folder) => `${folder}/${name}`).find(existsSync) ?? null

/**
 * If this process dies, `unshare` is killed, and with it the inspector. Without these flags the inspector would survive as process 1 of its
 * namespace.
 *
 * The user keeps its id in the new user namespace, so a plain user has no capabilities there once the inspector starts. Root would keep those over
 * the namespace, so they are dropped.
 */
function inNamespaces(unshare: string, setpriv: string, flags: readonly string[]): Launcher['command'] {
  const withoutCapabilities = process.getuid?.() === 0 ? ['--bounding-set=-all', '--inh-caps=-all'] : []
  return [
    setpriv,
    '--pdeathsig=KILL',
    unshare,
    ...['--user', '--map-current-user', '--pid', '--fork', '--kill-child=KILL', '--net', '--ipc', ...flags],
    setpriv,
    '--no-new-privs',
    ...withoutCapabilities,
    process.execPath,
  ]
}

function works({ command: [file, ...args] }: Launcher): boolean {
  const { status } = spawnSync(file, [...args, '--print', 'process.pid'], {
    env: {},
    timeout: probeMs,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return status === 0
}

/**
 * The process id of the inspector, which is measured.
 *
 * @param pid of the process that was started
 * @returns null if it has not started yet, or has ended
 */
export function inspectorPid(pid: number, { inNamespaces: isWrapped }: Launcher): number | null {
  if (!isWrapped) return pid
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return children === '' ? null : Number(children.split(' ')[0])
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(String((error as NodeJS.ErrnoException).code))) return null
    throw error
  }
}
