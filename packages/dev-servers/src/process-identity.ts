import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { waitFor } from './wait-for.ts'

/**
 * A process that can be recognised later. Pids are used again by the system, so a pid alone is no reason to end anything:
 * only the pid together with the moment at which the process began names one process.
 */
export interface ProcessIdentity {
  readonly pid: number
  /** When the process began, in the system's own words. Only ever compared, never computed with. */
  readonly startedAt: string
}

/** @returns the identity of a running process, or null when no process has that pid (a zombie counts as none). */
export function identityOf(pid: number): ProcessIdentity | null {
  const startedAt = process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid)
  return startedAt === null ? null : { pid, startedAt }
}

/** Whether this very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startedAt === identity.startedAt
}

/**
 * Ends a process and waits until it is gone: first with the signal that lets it close its files, then by force.
 * Does nothing when the process is gone, or when its pid belongs to another process by now.
 *
 * @param graceMs how long it may take to close its files
 */
export async function endProcess(
  identity: ProcessIdentity,
  { signal = 'SIGTERM' as NodeJS.Signals, graceMs = 10_000 } = {},
): Promise<void> {
  const gone = () => !isRunning(identity)
  if (gone()) return
  send(identity, 'SIGCONT') // a paused process would never see the other signal
  send(identity, signal)
  try {
    await waitFor(gone, { what: `the end of process ${identity.pid}`, timeoutMs: graceMs, everyMs: 20 })
  } catch {
    // Too slow to end by itself: from here on it has no say.
    for (const pid of [identity.pid, ...childrenOf(identity.pid)]) kill(pid, 'SIGKILL')
    await waitFor(gone, { what: `the end of process ${identity.pid} by force`, timeoutMs: 5_000, everyMs: 20 })
  }
}

/** Sends a signal to a process and, since Postgres gives each of its backends a session of its own, to its children one by one. */
export function signalFamily(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(identity)) return
  for (const pid of [identity.pid, ...childrenOf(identity.pid)]) kill(pid, signal)
}

/** Ends a process and its children by force, all at once, and waits until none of them runs. */
export async function crashFamily(identity: ProcessIdentity): Promise<void> {
  if (!isRunning(identity)) return
  const family = [identity, ...childrenOf(identity.pid).flatMap((pid) => identityOf(pid) ?? [])]
  for (const { pid } of family) kill(pid, 'SIGKILL')
  await waitFor(() => !family.some(isRunning), { what: `the crash of process ${identity.pid}`, timeoutMs: 10_000, everyMs: 20 })
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (signal === 'SIGCONT') signalFamily(identity, signal)
  else kill(identity.pid, signal)
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // gone in between: what we wanted
  }
}

function childrenOf(parent: number): number[] {
  if (process.platform !== 'linux') return childrenByPs(parent)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statFields(pid)?.[1] === String(parent))
}

/** Ticks since boot, with the boot's own id: unique until the machine is thrown away. */
function startOnLinux(pid: number): string | null {
  const fields = statFields(pid)
  if (fields === null || fields[0] === 'Z' || fields[0] === 'X') return null
  return `boot ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}, tick ${fields[19]}`
}

/** The fields of /proc/PID/stat from `state` on (field 3 in proc(5)); the name before them may hold spaces and brackets. */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null // no such process
  }
}

function startByPs(pid: number): string | null {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    }).trim()
    const [state = '', ...start] = line.split(/\s+/)
    return state === '' || state.startsWith('Z') ? null : start.join(' ')
  } catch {
    return null // ps answers 1 for a pid that nobody has
  }
}

function childrenByPs(parent: number): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, ppid]) => ppid === parent)
    .map(([pid = 0]) => pid)
}
