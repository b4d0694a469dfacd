import { type ExecFileOptions, execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Runs a program; one that hangs is killed. */
export const run = (file: string, args: string[], options: ExecFileOptions = {}) =>
  promisify(execFile)(file, args, { ...options, encoding: 'utf8', timeout: 150_000 })

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Folders that are built or installed. */
const notSource = ['node_modules', 'dist', 'built', 'coverage']

export interface Packed {
  /** Paths in the tarball, sorted. */
  readonly files: string[]
  readonly manifest: Record<string, unknown> & { dependencies: Record<string, string> }
  /** Contains the tarball. */
  readonly folder: string
  /** A project in which only the tarball and its dependencies are installed. */
  readonly project: string
  /** The files of the working copy before and after packing, with hashes of their contents. */
  readonly tree: { readonly before: string[]; readonly after: string[] }
  /** The output of `npm pack` in the folder of the source. */
  readonly refusal: string
  drop(): void
}

/** Packs a copy of a package as npm does, and installs it into an empty project. The package's own folder is not changed. */
export async function packed(name: 'queue' | 'client'): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-packed-'))
  const source = join(folder, 'repository/packages', name)
  cpSync(join(root, 'packages', name), source, { recursive: true, filter: (path) => !notSource.includes(basename(path)) })
  for (const file of ['tsconfig.base.json', 'tools/bin/pack.mjs']) cpSync(join(root, file), join(folder, 'repository', file))
  symlinkSync(join(root, 'node_modules'), join(folder, 'repository/node_modules'))
  const options = { cwd: source, env: npmEnvironment() }
  const before = filesOf(source)
  const refusal = await run('npm', ['pack'], options).then(
    () => 'nothing',
    ({ stderr }: { stderr: string }) => stderr,
  )
  await run('npm', ['run', 'pack', '--', '--pack-destination', folder], options)
  const tree = { before, after: filesOf(source) }
  return { ...(await installed(folder, name)), folder, tree, refusal, drop: () => rmSync(folder, { recursive: true, force: true }) }
}

/** The path of each file in the source, with a hash. */
const filesOf = (source: string): string[] =>
  globSync('**/*', { cwd: source, withFileTypes: true, exclude: (entry) => notSource.includes(entry.name) })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${relative(source, path)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
    .toSorted()

/** The environment without the variables by which an outer npm refers to its own folder. */
function npmEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_'))
  return { ...Object.fromEntries(own), PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` }
}

/** Does what `npm install` would do, with the dependencies of this repository only. */
async function installed(folder: string, packageName: string): Promise<Pick<Packed, 'project' | 'manifest' | 'files'>> {
  const project = join(folder, 'project')
  const target = join(project, 'node_modules/@airlock', packageName)
  mkdirSync(target, { recursive: true })
  const { stdout } = await run('tar', ['-xvzf', join(folder, `airlock-${packageName}-0.1.0.tgz`), '--strip-components=1', '-C', target])
  const manifest = (await import(join(target, 'package.json'), { with: { type: 'json' } })).default as Packed['manifest']
  for (const name of [...Object.keys(manifest.dependencies ?? {}), '@types/node']) {
    mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const files = stdout
    .trim()
    .split('\n')
    .map((entry) => entry.replace('package/', ''))
  return { project, manifest, files: files.toSorted() }
}
