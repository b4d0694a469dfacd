import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { waitFor } from './wait-for.ts'

/**
 * Identifies a process. Pids are reused by the system, so only the pid together with the start time identifies one process.
 */
export interface ProcessIdentity {
  readonly pid: number
  /** The start time in the system's format, only for comparison. */
  readonly startedAt: string
}

/** @returns the identity of a running process, or null if there is none with that pid (or only a zombie) */
export function identityOf(pid: number): ProcessIdentity | null {
  const startedAt = process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid)
  return startedAt === null ? null : { pid, startedAt }
}

/** Whether this process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startedAt === identity.startedAt
}

/**
 * Ends a process and waits for its exit: first with the signal for an orderly stop, then by force. Does nothing if the process has ended, or its pid
 * belongs to another process.
 *
 * @param graceMs time for the orderly stop
 */
export async function endProcess(
  identity: ProcessIdentity,
  { signal = 'SIGTERM' as NodeJS.Signals, graceMs = 10_000 } = {},
): Promise<void> {
  const gone = () => !isRunning(identity)
  if (gone()) return
  signalFamily(identity, 'SIGCONT') // a paused process would not receive the other signal
  kill(identity.pid, signal)
  try {
    await waitFor(gone, { what: `the end of process ${identity.pid}`, timeoutMs: graceMs, everyMs: 20 })
  } catch {
    await crashFamily(identity) // it exceeded the grace period
  }
}

/** Sends a signal to a process and to each of its children, because each backend of Postgres has its own session. */
export function signalFamily(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(identity)) return
  for (const pid of [identity.pid, ...childrenOf(identity.pid)]) kill(pid, signal)
}

/** Kills a process and its children, and waits until none of them runs. */
export async function crashFamily(identity: ProcessIdentity): Promise<void> {
  if (!isRunning(identity)) return
  const family = [identity, ...childrenOf(identity.pid).flatMap((pid) => identityOf(pid) ?? [])]
  for (const { pid } of family) kill(pid, 'SIGKILL')
  await waitFor(() => !family.some(isRunning), { what: `the crash of process ${identity.pid}`, timeoutMs: 10_000, everyMs: 20 })
}

/** Sends a signal. A process that has just ended is not an error. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function childrenOf(parent: number): number[] {
  if (process.platform !== 'linux') return childrenByPs(parent)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statFields(pid)?.[1] === String(parent))
}

/** Ticks since boot, with the boot id: unique on this machine. */
function startOnLinux(pid: number): string | null {
  const fields = statFields(pid)
  if (fields === null || fields[0] === 'Z' || fields[0] === 'X') return null
  return `boot ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}, tick ${fields[19]}`
}

/** The fields of /proc/PID/stat from `state` on (field 3 in proc(5)); the preceding name may contain spaces and brackets. */
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
    return null // ps exits with 1 for an unknown pid
  }
}

function childrenByPs(parent: number): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, ppid]) => ppid === parent)
    .map(([pid = 0]) => pid)
}
