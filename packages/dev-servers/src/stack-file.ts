import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { identityOf, type ProcessIdentity } from './process-identity.ts'

export type ServerName = 'postgres' | 'redis' | 's3'

/** A server of a stack, with what is needed to use it, read its log, or end it. */
export interface ServerEntry {
  readonly kind: string
  readonly url: string
  readonly pid?: number
  readonly startedAt?: string
  /** The signal for an orderly stop; SIGTERM by default. */
  readonly stopSignal?: NodeJS.Signals
  readonly containerId?: string
  readonly logFile?: string
  /** Files such as sockets that the server leaves if it is killed. */
  readonly litter?: readonly string[]
}

/** Location and kind of the data of our server. Kept while the server is stopped. */
export interface DataEntry {
  readonly kind: string
  /** A folder outside of the stack's data folder, for example one that another user can access. */
  readonly folders?: readonly string[]
  /** The container engine's volume. */
  readonly volume?: string
  /** The port of its first start. */
  readonly port?: number
}

/** A process other than the servers: a gateway, a worker. */
export interface ProcessEntry extends ProcessIdentity {
  readonly url?: string
  readonly logFile?: string
}

/** The contents of `stack.json`, including secrets, so only its owner can read the file. */
export interface StackRecord {
  /** The process that started the stack. While it runs, the stack is in use. */
  owner: ProcessIdentity | null
  /** The process that ends the servers if the owner dies. */
  reaper: ProcessIdentity | null
  servers: Partial<Record<ServerName, ServerEntry>>
  data: Partial<Record<ServerName, DataEntry>>
  processes: Record<string, ProcessEntry>
  /** Settings for gateway, worker and `ops` that are not in the environment. */
  environment: Record<string, string>
  /** Generated passwords, which must not change because the data was created with them. */
  secrets: Record<string, string>
}

/** Logs contain file names, and data everything. */
const ownerOnly = 0o700

const emptyRecord = (): StackRecord => ({ owner: null, reaper: null, servers: {}, data: {}, processes: {}, environment: {}, secrets: {} })

/** `stack.json` exists but is invalid: truncated, or written by another program. */
export class StackFileDamaged extends Error {
  override name = 'StackFileDamaged'
}

/** @returns the contents of stack.json in this folder, or null. @throws StackFileDamaged */
export function readStackRecord(folder: string): StackRecord | null {
  const file = join(folder, 'stack.json')
  try {
    return { ...emptyRecord(), ...validated(JSON.parse(readFileSync(file, 'utf8'))) }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new StackFileDamaged(`${file} can't be read. 'npm start -- --reset' deletes it and starts with empty servers.`, { cause })
  }
}

/** @throws TypeError if it does not have the expected structure */
function validated(content: unknown): Partial<StackRecord> {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject(content)) throw new TypeError('not an object')
  for (const [name, value] of Object.entries(content as object)) {
    const mayBeNull = name === 'owner' || name === 'reaper'
    if (name in emptyRecord() && !(isObject(value) || (mayBeNull && value === null))) throw new TypeError(`'${name}' is not an object`)
  }
  return content as Partial<StackRecord>
}

/**
 * `stack.json` of one data folder, for the process that owns the stack. Each change is on disk before the call returns, so that the file lists everything
 * that must be ended even if this process is killed.
 */
export class StackFile {
  readonly folder: string
  readonly #record: StackRecord

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.folder = folder
    this.subfolder('logs') // at once, so that it is not created with other permissions
    this.#record = readStackRecord(folder) ?? emptyRecord()
  }

  get path(): string {
    return join(this.folder, 'stack.json')
  }

  get record(): Readonly<StackRecord> {
    return this.#record
  }

  /** @returns a folder inside of the data folder that only its owner can read. Creates it, or restricts an existing one */
  subfolder(name: string): string {
    const path = join(this.folder, name)
    mkdirSync(path, { recursive: true, mode: ownerOnly })
    if (statSync(path).uid === process.getuid?.()) chmodSync(path, ownerOnly)
    return path
  }

  /** The file for the output of a server or another process. */
  logFile(name: string): string {
    return join(this.folder, 'logs', `${name}.log`)
  }

  /** Records that this process owns the stack, and that nothing of it runs yet. Keeps secrets and settings of earlier runs. */
  own(reaper: ProcessIdentity | null): void {
    this.#change({ owner: identityOf(process.pid), reaper, servers: {}, processes: {} })
  }

  /** Records that the stack has no owner, and that nothing of it runs. */
  release(): void {
    this.#change({ owner: null, reaper: null, servers: {}, processes: {} })
  }

  /** Records a server, and its data unless it belongs to others. */
  server(name: ServerName, entry: ServerEntry, data?: Omit<DataEntry, 'kind' | 'port'>): void {
    const firstPort = () => this.#record.data[name]?.port ?? Number(new URL(entry.url).port)
    const kept = data && { [name]: { kind: entry.kind, port: firstPort(), ...data } }
    this.#change({ servers: { ...this.#record.servers, [name]: entry }, data: { ...this.#record.data, ...kept } })
  }

  /** Records another process, which is ended with the servers if this process is killed. */
  process(name: string, entry: ProcessEntry): void {
    this.#change({ processes: { ...this.#record.processes, [name]: entry } })
  }

  /** Adds settings for other programs. */
  environment(settings: Record<string, string>): void {
    this.#change({ environment: { ...this.#record.environment, ...settings } })
  }

  /** @returns the secret with this name: 32 random bytes in hexadecimal, generated at the first call and then kept */
  secret(name: string): string {
    const known = this.#record.secrets[name]
    if (known) return known
    const made = randomBytes(32).toString('hex')
    this.#change({ secrets: { ...this.#record.secrets, [name]: made } })
    return made
  }

  /** Written to a temporary file and renamed, so that readers never see an incomplete file. */
  #change(part: Partial<StackRecord>): void {
    Object.assign(this.#record, part)
    const beside = `${this.path}.${process.pid}.new`
    writeFileSync(beside, `${JSON.stringify(this.#record, null, 2)}\n`, { mode: 0o600 })
    renameSync(beside, this.path)
  }
}
