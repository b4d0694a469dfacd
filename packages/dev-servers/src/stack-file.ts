import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { identityOf, type ProcessIdentity } from './process-identity.ts'

export type ServerName = 'postgres' | 'redis' | 's3'

/** One server of a stack, as somebody needs it who wants to use it, look at its log, or end it. */
export interface ServerEntry {
  readonly kind: string
  readonly url: string
  readonly pid?: number
  readonly startedAt?: string
  /** What ends it in good order; SIGTERM when left out. */
  readonly stopSignal?: NodeJS.Signals
  readonly containerId?: string
  readonly logFile?: string
  /** Sockets and the like that the server leaves behind when it is ended by force. */
  readonly litter?: readonly string[]
}

/** Where the data of a server of ours lies, and of which kind it is. Stays on record while the server is down. */
export interface DataEntry {
  readonly kind: string
  /** What lies outside the stack's data folder, such as a directory that another user can reach. */
  readonly folders?: readonly string[]
  /** The container engine's volume. */
  readonly volume?: string
}

/** A process beside the servers: a gateway, a worker. */
export interface ProcessEntry extends ProcessIdentity {
  readonly url?: string
  readonly logFile?: string
}

/** What `stack.json` holds. Secrets are among it, so only its owner can read the file. */
export interface StackRecord {
  /** Who brought the stack up. While this process runs, the stack is in use. */
  owner: ProcessIdentity | null
  /** Who ends the servers when the owner dies. */
  reaper: ProcessIdentity | null
  servers: Partial<Record<ServerName, ServerEntry>>
  data: Partial<Record<ServerName, DataEntry>>
  processes: Record<string, ProcessEntry>
  /** The settings that gateway, worker and `ops` take from here where the environment says nothing. */
  environment: Record<string, string>
  /** Passwords that were made once and must stay, because the data was made with them. */
  secrets: Record<string, string>
}

/** Logs hold names of files, data holds everything. */
const ownerOnly = 0o700

const emptyRecord = (): StackRecord => ({ owner: null, reaper: null, servers: {}, data: {}, processes: {}, environment: {}, secrets: {} })

/** `stack.json` is there, and is not what a stack has written: truncated, or written by somebody else. */
export class StackFileDamaged extends Error {
  override name = 'StackFileDamaged'
}

/** @returns what stack.json in this folder says, or null without one. @throws StackFileDamaged */
export function readStackRecord(folder: string): StackRecord | null {
  const file = join(folder, 'stack.json')
  try {
    const said: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return { ...emptyRecord(), ...sound(said) }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new StackFileDamaged(`${file} can't be read. 'npm start -- --reset' begins anew, with empty servers.`, { cause })
  }
}

/** @throws TypeError when it is not an object whose parts are objects too, or null */
function sound(said: unknown): Partial<StackRecord> {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject(said)) throw new TypeError('not an object')
  for (const [name, value] of Object.entries(said as object)) {
    const mayBeNull = name === 'owner' || name === 'reaper'
    if (name in emptyRecord() && !(isObject(value) || (mayBeNull && value === null))) throw new TypeError(`'${name}' is not an object`)
  }
  return said as Partial<StackRecord>
}

/**
 * `stack.json` of one data folder, in the hands of the process that owns the stack. Each change is on disk before the call
 * returns: should we be killed the next moment, the file still names everything that must be ended.
 */
export class StackFile {
  readonly folder: string
  readonly #record: StackRecord

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.folder = folder
    this.subfolder('logs') // at once, so that nobody makes it with other rights
    this.#record = readStackRecord(folder) ?? emptyRecord()
  }

  get path(): string {
    return join(this.folder, 'stack.json')
  }

  get record(): Readonly<StackRecord> {
    return this.#record
  }

  /** @returns a folder inside the data folder that only its owner can look into, made when it is not there; one of an earlier version is closed */
  subfolder(name: string): string {
    const path = join(this.folder, name)
    mkdirSync(path, { recursive: true, mode: ownerOnly })
    if (statSync(path).uid === process.getuid?.()) chmodSync(path, ownerOnly)
    return path
  }

  /** Says that this process owns the stack now, and that nothing of it runs yet. Secrets and settings of earlier runs stay. */
  own(reaper: ProcessIdentity | null): void {
    this.#change({ owner: identityOf(process.pid), reaper, servers: {}, processes: {} })
  }

  /** Says that nobody owns the stack, and that nothing of it runs. */
  release(): void {
    this.#change({ owner: null, reaper: null, servers: {}, processes: {} })
  }

  /** Names a server, and the data that it keeps unless it belongs to somebody else. */
  server(name: ServerName, entry: ServerEntry, data?: Omit<DataEntry, 'kind'>): void {
    const kept = data && { [name]: { kind: entry.kind, ...data } }
    this.#change({ servers: { ...this.#record.servers, [name]: entry }, data: { ...this.#record.data, ...kept } })
  }

  /** Names a process beside the servers; it is ended with them, should this process be killed. */
  process(name: string, entry: ProcessEntry): void {
    this.#change({ processes: { ...this.#record.processes, [name]: entry } })
  }

  /** Adds to the settings that others read from here. */
  environment(settings: Record<string, string>): void {
    this.#change({ environment: { ...this.#record.environment, ...settings } })
  }

  /** @returns the secret of this name: 32 random bytes in hexadecimal, made at the first call and the same ever after. */
  secret(name: string): string {
    const known = this.#record.secrets[name]
    if (known) return known
    const made = randomBytes(32).toString('hex')
    this.#change({ secrets: { ...this.#record.secrets, [name]: made } })
    return made
  }

  /** Written beside and moved into place, so that a reader never sees half a file. */
  #change(part: Partial<StackRecord>): void {
    Object.assign(this.#record, part)
    const beside = `${this.path}.${process.pid}.new`
    writeFileSync(beside, `${JSON.stringify(this.#record, null, 2)}\n`, { mode: 0o600 })
    renameSync(beside, this.path)
  }
}
