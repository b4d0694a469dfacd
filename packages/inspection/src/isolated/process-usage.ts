import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { KiB } from '@airlock/domain'

/** The resources that a process uses, according to the operating system. */
export interface ProcessUsage {
  /** Resident and swapped memory, including native code. */
  readonly memoryBytes: number
  /** CPU time of all threads since its start. */
  readonly cpuSeconds: number
}

/** Linux counts CPU time in hundredths of a second on every platform of Node (`USER_HZ`). */
const ticksPerSecond = 100

const run = promisify(execFile)

/**
 * Measures another process from outside, which works even if its event loop is blocked.
 *
 * @returns null if there is no such process
 */
export async function usageOf(pid: number): Promise<ProcessUsage | null> {
  return process.platform === 'linux' ? linuxUsageOf(pid) : psUsageOf(pid)
}

/** @returns null if there is no such process. Takes about 50 µs. */
export function linuxUsageOf(pid: number): ProcessUsage | null {
  try {
    return {
      memoryBytes: memoryIn(readFileSync(`/proc/${pid}/status`, 'utf8')),
      cpuSeconds: cpuIn(readFileSync(`/proc/${pid}/stat`, 'utf8')),
    }
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
}

const isGone = (error: unknown): boolean => ['ENOENT', 'ESRCH'].includes(String((error as NodeJS.ErrnoException).code))

/** `VmRSS:	   12345 kB`; missing while a process exits (proc_pid_status(5)). */
function memoryIn(status: string): number {
  const kib = ['VmRSS', 'VmSwap'].map((field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0))
  return kib.reduce((sum, value) => sum + value, 0) * KiB
}

/** Fields 14 and 15. Field 2, the name in brackets, can contain anything (proc_pid_stat(5)). */
function cpuIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Systems without /proc, such as macOS. */
async function psUsageOf(pid: number): Promise<ProcessUsage | null> {
  try {
    const { stdout } = await run('/bin/ps', ['-o', 'rss=,time=', '-p', String(pid)])
    return usageInPs(stdout)
  } catch (error) {
    if ((error as { code?: unknown }).code === 1) return null // no such process
    throw error
  }
}

/** KiB, then `[[days-]hours:]minutes:seconds`, the seconds with a fraction on macOS. */
export function usageInPs(line: string): ProcessUsage | null {
  const found = /^\s*(\d+)\s+(?:(\d+)-)?([\d:.]+)\s*$/.exec(line)
  if (!found) return null
  const [, rss, days = '0', time = ''] = found
  const seconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  return { memoryBytes: Number(rss) * KiB, cpuSeconds: Number(days) * 24 * 3600 + seconds }
}
