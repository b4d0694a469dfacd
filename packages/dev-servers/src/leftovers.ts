import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeContainer, removeVolume } from './engine.ts'
import { endProcess, identityOf, isRunning, type ProcessIdentity } from './process-identity.ts'
import { readStackRecord, type ServerEntry, StackFileDamaged, type StackRecord } from './stack-file.ts'

/** Prefix of the folders of ephemeral stacks in the system's temporary folder. */
export const ephemeralPrefix = 'airlock-test-stack-'

/** The stack is in use by another process. */
export class StackInUse extends Error {
  override name = 'StackInUse'
  constructor(folder: string, owner: ProcessIdentity) {
    super(`Another run of Airlock (process ${owner.pid}) uses ${folder}. Stop it first, or set AIRLOCK_DATA_DIR to a folder of your own.`)
  }
}

/** The entries that a stack creates in its data folder. Only these are removed, because the user may have chosen the folder. */
export const contents = ['postgres', 'redis', 'seaweedfs', 'logs', 'stack.json'] as const

/**
 * Checks a folder with a damaged stack.json.
 *
 * @throws Error if it contains files that no stack creates, or Postgres runs with its data
 */
export function assertStackAtRest(folder: string): void {
  const known = new Set<string>([...contents, 'tools'])
  const foreign = readdirSync(folder).find((name) => !known.has(name) && !name.startsWith('stack.json.'))
  const damaged = `${join(folder, 'stack.json')} can't be read`
  if (foreign !== undefined) throw new Error(`${damaged}, and '${foreign}' beside it is not Airlock's. Delete ${folder} by hand.`)
  const pid = postgresIn(folder)
  if (pid !== null) throw new Error(`${damaged}, and Postgres still uses this folder (process ${pid}). End it first.`)
}

/** @returns the pid of a running Postgres with its data in this folder */
function postgresIn(folder: string): number | null {
  const file = join(folder, 'postgres', 'postmaster.pid')
  if (!existsSync(file)) return null
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
  return pid > 0 && identityOf(pid) !== null ? pid : null
}

/** @throws StackInUse if a running process owns the stack of this folder */
export function assertNotInUse(folder: string): void {
  const owner = readStackRecord(folder)?.owner
  if (owner && owner.pid !== process.pid && isRunning(owner)) throw new StackInUse(folder, owner)
}

/**
 * Ends the processes of a killed run: first the apps, which would otherwise lose their servers, then the servers. Only processes with the recorded start
 * time are ended.
 *
 * @param byForce for containers whose data is removed anyway; a process has recorded its signal
 * @returns the number of ended processes
 */
export async function endLeftovers(record: StackRecord, { byForce = false } = {}): Promise<number> {
  const apps = Object.values(record.processes).filter(isRunning)
  await Promise.all(apps.map((app) => endProcess(app, { graceMs: 15_000 })))
  const servers = await Promise.all(Object.values(record.servers).map((server) => endServer(server, byForce)))
  return apps.length + servers.filter(Boolean).length
}

async function endServer(server: ServerEntry, byForce: boolean): Promise<boolean> {
  if (server.containerId) return removeContainer(server.containerId, { byForce })
  const identity = { pid: 0, startedAt: '', ...server } // no process has them
  const running = isRunning(identity)
  if (running) await endProcess(identity, { signal: server.stopSignal ?? 'SIGTERM' })
  removeLitter(server)
  return running
}

export function removeLitter({ litter = [] }: { readonly litter?: readonly string[] }): void {
  for (const file of litter) rmSync(file, { force: true })
}

/** Ends an ephemeral stack, and removes its data. */
export async function removeStack(folder: string, record: StackRecord): Promise<void> {
  await endLeftovers(record, { byForce: true })
  await removeServerData(record)
  rmSync(folder, { recursive: true, force: true })
}

/** Removes the data of a stack's servers outside of the data folder: folders and volumes. */
export async function removeServerData(record: StackRecord): Promise<void> {
  for (const { folders = [], volume } of Object.values(record.data)) {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    if (volume) await removeVolume(volume)
  }
}

/** Ends and removes ephemeral stacks of this user whose owners have ended: leftovers of killed test runs. */
export async function removeDeadEphemeralStacks(): Promise<void> {
  for (const folder of ephemeralFolders()) {
    const record = recordOf(folder)
    if (record === null || record.owner === null || isRunning(record.owner)) continue
    await removeStack(folder, record)
  }
}

/** @returns null for a damaged one too: it must not prevent other runs from starting */
function recordOf(folder: string): StackRecord | null {
  try {
    return readStackRecord(folder)
  } catch (error) {
    if (error instanceof StackFileDamaged) return null
    throw error
  }
}

function ephemeralFolders(): string[] {
  const uid = process.getuid?.()
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(ephemeralPrefix))
    .map((name) => join(tmpdir(), name))
    .filter((folder) => statSync(folder, { throwIfNoEntry: false })?.uid === uid)
}
