import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { identityOf, type ProcessIdentity } from './process-identity.ts'

/** Watches over a stack from a process of its own. */
export interface Reaper {
  readonly identity: ProcessIdentity | null
  /** The stack was stopped in good order: nothing is left to do. */
  dismiss(): void
}

/**
 * Starts the process that ends a stack's servers when we die, however we die: it holds the other end of a pipe, and the
 * system closes the pipe with us, also after SIGKILL. It stands in a session of its own, so that a Ctrl-C in the terminal
 * reaches only us, and the servers are there until the apps have let go of them.
 *
 * @param folder the stack's data folder, with its stack.json
 * @param removeData whether the data goes as well (ephemeral stacks)
 */
export function startReaper(folder: string, { removeData }: { removeData: boolean }): Reaper {
  const script = fileURLToPath(new URL('./reaper-process.ts', import.meta.url))
  const args = ['--disable-warning=ExperimentalWarning', script, folder, ...(removeData ? ['--remove-data'] : [])]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' })
  child.unref()
  child.stdin.on('error', () => {}) // it is gone already: then there is nobody to dismiss
  ;(child.stdin as unknown as { unref(): void }).unref()
  return { identity: identityOf(child.pid ?? 0), dismiss: () => child.stdin.end('dismissed') }
}
