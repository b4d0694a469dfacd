import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** How inspector processes are started: as this process's children, or in namespaces of their own as well. */
export interface Launcher {
  /** What stands between an inspector process and the others, in words for the log. */
  readonly isolation: string
  /** What is started, with the arguments that come before the program's own. */
  readonly command: readonly [file: string, ...args: string[]]
  /** Whether the started process has the inspector as its only child, which is then the one to be measured. */
  readonly inNamespaces: boolean
}

/** Where nothing more is to be had. */
export const plainLauncher: Launcher = {
  isolation: 'a process of its own',
  command: [process.execPath],
  inNamespaces: false,
}

const probeMs = 20_000

/**
 * Looks for the strongest isolation that this machine lets a plain user have: user, PID, network, IPC and mount namespaces, by `unshare` and
 * `setpriv` of util-linux. Many container runtimes forbid namespaces within containers; then it is `plainLauncher`. Starts two processes at most,
 * and waits for them: to be called once, at the start.
 */
export function findLauncher(): Launcher {
  if (process.platform !== 'linux') return plainLauncher
  const [unshare, setpriv] = [inSystem('unshare'), inSystem('setpriv')]
  if (unshare === null || setpriv === null) return plainLauncher
  const candidates = [
    { isolation: 'namespaces of its own, with a /proc of its own', flags: ['--mount-proc'] },
    { isolation: 'namespaces of its own', flags: [] },
  ]
  for (const { isolation, flags } of candidates) {
    const launcher: Launcher = { isolation, command: inNamespaces(unshare, setpriv, flags), inNamespaces: true }
    if (works(launcher)) return launcher
  }
  return plainLauncher
}

/** Not by PATH: an inspector's environment has none. */
const inSystem = (name: string): string | null => ['/usr/bin', '/bin'].map((folder) => `${folder}/${name}`).find(existsSync) ?? null

/**
 * When this process dies, `unshare` is killed, and when that is killed, so is the inspector: as process 1 of its namespace it would else live on.
 *
 * In the new user namespace the user is who it was, so a plain user loses all capabilities there as the inspector starts. Root would keep those
 * over the namespace, and gives them up.
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
 * The process to be measured.
 *
 * @param pid of the process that was started
 * @returns null while it is not there yet, or not any more
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
