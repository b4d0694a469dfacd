import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** CPU time and memory of processes, from /proc (Linux, `man 5 proc`). */

/** The length of a tick of /proc/PID/stat, in ms: USER_HZ is 100 on all architectures that Node supports. */
const tickMs = 10

/** The pids of a process and its descendants that run now. */
function familyOf(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null
    if (stat !== null) parents.set(Number(name), Number(stat[1]))
  }
  const family = new Set([pid])
  for (let size = 0; size !== family.size; ) {
    size = family.size
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child)
  }
  return [...family]
}

/** CPU time of a process and its descendants so far, in ms, with descendants that have ended and were waited for. */
export function cpuMsOf(pid: number): number {
  let ticks = 0
  for (const member of familyOf(pid)) {
    const stat = statOf(member)
    // after the name: state is field 3 of the manual, utime, stime, cutime and cstime are 14 to 17
    if (stat !== null) ticks += stat.slice(11, 15).reduce((sum, value) => sum + Number(value), 0)
  }
  return ticks * tickMs
}

/** Starts a new measurement of the peak memory of a process and its descendants. */
export function resetPeakMemory(pid: number): void {
  for (const member of familyOf(pid)) unlessGone(() => writeFileSync(`/proc/${member}/clear_refs`, '5'))
}

/** The sum of the peaks of resident memory of a process and its descendants since the last reset, in MiB. */
export function peakMiBOf(pid: number): number {
  const kib = familyOf(pid).map((member) => {
    const status = unlessGone(() => readFileSync(`/proc/${member}/status`, 'utf8')) ?? ''
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
  })
  return kib.reduce((sum, value) => sum + value, 0) / 1024
}

/** The fields of /proc/PID/stat after the name of the program. */
function statOf(pid: number): string[] | null {
  const stat = unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? null
}

function unlessGone<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return null
    throw error
  }
}
