import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeContainer, removeVolume } from './engine.ts'
import { endProcess, identityOf, isRunning, type ProcessIdentity } from './process-identity.ts'
import { readStackRecord, type ServerEntry, StackFileDamaged, type StackRecord } from './stack-file.ts'

/** How the folders of ephemeral stacks begin, below the system's folder for temporary files. */
export const ephemeralPrefix = 'airlock-test-stack-'

/** Thrown where a stack is asked for that another process holds. */
export class StackInUse extends Error {
  override name = 'StackInUse'
  readonly owner: ProcessIdentity
  constructor(folder: string, owner: ProcessIdentity) {
    super(`Another run of Airlock (process ${owner.pid}) uses ${folder}. Stop it first, or set AIRLOCK_DATA_DIR to a folder of your own.`)
    this.owner = owner
  }
}

/** What a stack makes in its data folder. Only this is removed: the folder may have been chosen by hand. */
export const contents = ['postgres', 'redis', 'seaweedfs', 'logs', 'stack.json'] as const

/**
 * Looks at a folder whose stack.json can't say whose it is and what runs.
 *
 * @throws Error when there are files in it that no stack makes, or Postgres runs on its data
 */
export function assertStackAtRest(folder: string): void {
  const known = new Set<string>([...contents, 'tools'])
  const foreign = readdirSync(folder).find((name) => !known.has(name) && !name.startsWith('stack.json.'))
  const damaged = `${join(folder, 'stack.json')} can't be read`
  if (foreign !== undefined) throw new Error(`${damaged}, and '${foreign}' beside it is not Airlock's. Delete ${folder} by hand.`)
  const pid = postgresIn(folder)
  if (pid !== null) throw new Error(`${damaged}, and Postgres still runs on this folder (process ${pid}). End it first.`)
}

/** @returns the pid of a running Postgres whose data lies in this folder */
function postgresIn(folder: string): number | null {
  const file = join(folder, 'postgres', 'postmaster.pid')
  if (!existsSync(file)) return null
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
  return pid > 0 && identityOf(pid) !== null ? pid : null
}

/** @throws StackInUse when a living process owns the stack of this folder */
export function assertNotInUse(folder: string): void {
  const owner = readStackRecord(folder)?.owner
  if (owner && owner.pid !== process.pid && isRunning(owner)) throw new StackInUse(folder, owner)
}

/**
 * Ends whatever a killed run left behind: first the apps, which would otherwise see their servers vanish, then the servers.
 * Only processes whose start time is the recorded one are touched.
 *
 * @param byForce for servers whose data goes anyway
 * @returns how many there were
 */
export async function endLeftovers(record: StackRecord, { byForce = false } = {}): Promise<number> {
  const apps = Object.values(record.processes).filter(isRunning)
  await Promise.all(apps.map((app) => endProcess(app, { graceMs: 15_000 })))
  const servers = await Promise.all(Object.values(record.servers).map((server) => endServer(server, byForce)))
  return apps.length + servers.filter(Boolean).length
}

async function endServer(server: ServerEntry, byForce: boolean): Promise<boolean> {
  if (server.containerId) return removeContainer(server.containerId, { byForce })
  const identity = identityIn(server)
  const running = identity !== null && isRunning(identity)
  if (running) await endProcess(identity, { signal: server.stopSignal ?? 'SIGTERM', graceMs: byForce ? 0 : 10_000 })
  for (const file of server.litter ?? []) rmSync(file, { force: true })
  return running
}

/** Removes everything that a stack's servers keep: their folders outside the data folder, and their volumes. */
export async function removeServerData(record: StackRecord): Promise<void> {
  for (const { folders = [], volume } of Object.values(record.data)) {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    if (volume) await removeVolume(volume)
  }
}

/** Ends and removes the ephemeral stacks of this user whose owners are gone: the remains of killed test runs. */
export async function removeDeadEphemeralStacks(): Promise<void> {
  for (const folder of ephemeralFolders()) {
    const record = recordOf(folder)
    if (record === null || record.owner === null || isRunning(record.owner)) continue
    await endLeftovers(record, { byForce: true })
    await removeServerData(record)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns null also for a damaged one: nobody knows what runs there, and it must not keep every other run from starting */
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

const identityIn = ({ pid, startedAt }: ServerEntry): ProcessIdentity | null => (pid && startedAt ? { pid, startedAt } : null)
