import type { InspectionFault } from '@airlock/domain'

/** What the kernel, or a program in its last moment, ends a process with that did what no process may. */
const crashSignals: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT', 'SIGTRAP', 'SIGSYS'])

/**
 * Whom the end of a process that this one did not kill can be blamed on.
 *
 * Any other signal came from outside: the kernel kills with SIGKILL where memory is short, service managers with SIGTERM. A process that ends
 * before it is ready has not seen the file: its program can't be loaded.
 *
 * @param ready whether it was ready to read files
 */
export function faultOfDeath(code: number | null, signal: NodeJS.Signals | null, ready: boolean): InspectionFault {
  const crashed = signal === null ? code !== 0 : crashSignals.has(signal)
  return ready && crashed ? { kind: 'crash' } : { kind: 'machine' }
}
