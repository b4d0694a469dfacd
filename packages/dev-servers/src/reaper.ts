import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { endLeftovers, removeStack } from './leftovers.ts'
import { identityOf, type ProcessIdentity } from './process-identity.ts'
import { readStackRecord } from './stack-file.ts'

/**
 * Starts the process that ends a stack's servers if this process dies in any way: it has the other end of a pipe, which the system closes even after
 * SIGKILL. It has its own session, so that a Ctrl-C in the terminal reaches only this process, and the servers run until the apps have stopped.
 *
 * @param folder the stack's data folder, with its stack.json, which must name the reaper: it does nothing once the stack was stopped in order
 * @param removeData whether the data is removed too (ephemeral stacks)
 */
export function startReaper(folder: string, { removeData }: { removeData: boolean }): ProcessIdentity | null {
  const args = ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), folder, ...(removeData ? ['--remove-data'] : [])]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' })
  child.unref()
  ;(child.stdin as unknown as { unref(): void }).unref()
  return identityOf(child.pid ?? 0)
}

/** The process of the reaper. */
async function reap(folder: string, removeData: boolean): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  for await (const _ of process.stdin); // until the owner has ended
  const record = readStackRecord(folder)
  if (record?.reaper?.pid !== process.pid) return
  await (removeData ? removeStack(folder, record) : endLeftovers(record))
}

if (import.meta.main) await reap(process.argv[2] ?? '', process.argv[3] === '--remove-data')
