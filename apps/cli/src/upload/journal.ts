import { createHash, randomUUID } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { FoundFile } from './find-files.ts'

/** An asset of an earlier run, or of this one. */
export interface FinishedFile {
  readonly assetId: string
  readonly key: string
}

interface Entry {
  /** Sent with each attempt to upload the file in a form, so that a repetition is the same upload. */
  readonly key?: string
  readonly finished?: FinishedFile
}

/** A run writes to its journal at least this often; one that has not for three times as long is dead. */
const beatMs = 20_000

/** After this time the journal of an interrupted run is deleted. */
const keptMs = 30 * 86_400_000

/**
 * What a run has done, so that a run of the same command after it, however this one ended, continues it: files that are assets are not uploaded again, and those
 * that were being sent continue. It has two files: this journal, and the client's `resumeFile`.
 *
 * Runs at the same time have journals of their own. A new run takes over those of dead ones.
 */
export class Journal {
  /** Of the client: open uploads of large files. */
  readonly resumeFile: string
  readonly #path: string
  readonly #entries: Map<string, Entry>
  readonly #beat: NodeJS.Timeout

  private constructor(path: string, entries: Map<string, Entry>) {
    this.#path = path
    this.#entries = entries
    this.resumeFile = resumeFileOf(path)
    this.#beat = setInterval(() => touch(path), beatMs).unref()
  }

  /**
   * @param folder of the journals of all runs
   * @param identity what two runs of the same command have in common
   * @param options.fresh forgets what earlier runs have done
   */
  static open(folder: string, identity: unknown, { fresh = false } = {}): Journal {
    removeOld(folder)
    const own = join(folder, createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32))
    mkdirSync(own, { recursive: true, mode: 0o700 })
    const newName = () => join(own, `${process.pid}-${randomUUID()}.jsonl`)
    const adopted = journalsIn(own)
      .filter((path) => !isAlive(path))
      .flatMap((path) => adopt(path, newName()))
    const path = newName()
    const entries = new Map(fresh ? [] : adopted.flatMap((other) => [...read(other)]))
    const open = fresh ? {} : Object.assign({}, ...adopted.map((other) => readOpen(resumeFileOf(other))))
    writeFileSync(path, [...entries].map(lineOf).join(''), { mode: 0o600 })
    writeFileSync(resumeFileOf(path), JSON.stringify(open), { mode: 0o600 })
    for (const other of adopted) remove(other)
    return new Journal(path, entries)
  }

  /** A journal that no later run finds. */
  static temporary(identity: unknown): Journal {
    return Journal.open(mkdtempSync(join(tmpdir(), 'airlock-')), identity)
  }

  /** The same in every run, as long as the file is the same. */
  static idOf({ realPath, bytes, modifiedMs }: FoundFile, assetType: string): string {
    return JSON.stringify([realPath, bytes, modifiedMs, assetType])
  }

  /** The asset that the file became in an earlier run. */
  finishedOf(id: string): FinishedFile | null {
    return this.#entries.get(id)?.finished ?? null
  }

  /** Whether an earlier run has begun to upload the file, and not finished it. */
  wasBegun(id: string): boolean {
    return this.#entries.get(id)?.key !== undefined
  }

  /**
   * @returns the idempotency key of the file; `isContinued`: an earlier run has begun to upload it, with this key
   */
  begin(id: string): { readonly key: string; readonly isContinued: boolean } {
    const known = this.#entries.get(id)?.key
    if (known !== undefined) return { key: known, isContinued: true }
    const key = randomUUID()
    this.#set(id, { key })
    return { key, isContinued: false }
  }

  finish(id: string, finished: FinishedFile): void {
    this.#set(id, { finished })
  }

  /** The file was refused, or its asset is gone: a later run uploads it anew. */
  forget(id: string): void {
    this.#set(id, {})
  }

  /** @param isComplete whether nothing is left to do for a later run */
  close(isComplete: boolean): void {
    clearInterval(this.#beat)
    const isEmpty = [...this.#entries.values()].every((entry) => Object.keys(entry).length === 0)
    if (isComplete || isEmpty) remove(this.#path)
    else utimesSync(this.#path, 0, 0) // its process is not dead yet, but the run is
    if (existsSync(dirname(this.#path)) && readdirSync(dirname(this.#path)).length === 0) rmSync(dirname(this.#path), { recursive: true })
  }

  #set(id: string, entry: Entry): void {
    this.#entries.set(id, entry)
    try {
      appendFileSync(this.#path, lineOf([id, entry]))
    } catch {
      // the disk is full: the upload goes on, and a later run knows less
    }
  }
}

const resumeFileOf = (path: string): string => path.replace(/jsonl$/, 'open.json')

const lineOf = (entry: [string, Entry]): string => `${JSON.stringify(entry)}\n`

const journalsIn = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => (name.endsWith('.jsonl') ? [join(folder, name)] : []))

/** Whether the run of a journal goes on. The process alone does not tell: its number may belong to another one by now. */
function isAlive(path: string): boolean {
  const pid = Number(basename(path).split('-')[0])
  try {
    const age = Date.now() - statSync(path).mtimeMs
    process.kill(pid, 0)
    return pid !== process.pid && age < 3 * beatMs
  } catch {
    return false
  }
}

/** Takes over a journal: of several runs that try it, one succeeds. @returns its new path, or nothing */
function adopt(path: string, as: string): string[] {
  try {
    renameSync(path, as)
    if (existsSync(resumeFileOf(path))) renameSync(resumeFileOf(path), resumeFileOf(as))
    touch(as)
    return [as]
  } catch {
    return []
  }
}

/** The entries of a journal. The last line may be incomplete. */
function read(path: string): Map<string, Entry> {
  const lines = readFileSync(path, 'utf8').split('\n')
  return new Map(
    lines.flatMap((line) => {
      try {
        return [JSON.parse(line) as [string, Entry]]
      } catch {
        return []
      }
    }),
  )
}

function readOpen(path: string): object {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return {}
  }
}

function touch(path: string): void {
  try {
    const now = new Date()
    utimesSync(path, now, now)
  } catch {
    // it is gone: another run has taken it over
  }
}

function remove(path: string): void {
  for (const file of [path, resumeFileOf(path), `${resumeFileOf(path)}.new`]) rmSync(file, { force: true })
}

/** Deletes what no run has continued for a long time. */
function removeOld(folder: string): void {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (Date.now() - statSync(path).mtimeMs > keptMs) rmSync(path, { recursive: true, force: true })
  }
}
