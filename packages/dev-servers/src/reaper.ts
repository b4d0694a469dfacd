import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { identityOf, type ProcessIdentity } from './process-identity.ts'

/** Watches a stack from a separate process. */
export interface Reaper {
  readonly identity: ProcessIdentity | null
  /** The stack was stopped in order, so there is nothing to do. */
  dismiss(): void
}

/**
 * Starts the process that ends a stack's servers if this process dies in any way: it has the other end of a pipe, which the system closes even after
 * SIGKILL. It has its own session, so that a Ctrl-C in the terminal reaches only this process, and the servers run until the apps have stopped.
 *
 * @param folder the stack's data folder, with its stack.json
 * @param removeData whether the data is removed too (ephemeral stacks)
 */
export function startReaper(folder: string, { removeData }: { removeData: boolean }): Reaper {
  const script = fileURLToPath(new URL('./reaper-process.ts', import.meta.url))
  const args = ['--disable-warning=ExperimentalWarning', script, folder, ...(removeData ? ['--remove-data'] : [])]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' })
  child.unref()
  child.stdin.on('error', () => {}) // it has already ended
  ;(child.stdin as unknown as { unref(): void }).unref()
  return { identity: identityOf(child.pid ?? 0), dismiss: () => child.stdin.end('dismissed') }
}
