import { type ExecFileOptions, execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A program that hangs is ended. */
export const run = (file: string, args: string[], options: ExecFileOptions = {}) =>
  promisify(execFile)(file, args, { ...options, encoding: 'utf8', timeout: 150_000 })

const packageFolder = fileURLToPath(new URL('..', import.meta.url))
const root = join(packageFolder, '../..')

/** What is built or fetched. */
const notSource = ['node_modules', 'dist', 'built', 'coverage']

export interface Packed {
  /** Paths in the tarball, sorted. */
  readonly files: string[]
  readonly manifest: Record<string, unknown> & { dependencies: Record<string, string> }
  /** A project that has installed the tarball and what it depends on, and nothing else. */
  readonly project: string
  /** What the working copy had before it was packed, and what it has after it: each file with a hash of its bytes. */
  readonly tree: { readonly before: string[]; readonly after: string[] }
  /** What `npm pack` says in the folder of the source. */
  readonly refusal: string
  drop(): void
}

/** Packs a copy of this package as npm does, and installs it into an empty project: this package's own folder is left alone. */
export async function packed(): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-packed-'))
  const source = join(folder, 'repository/packages/queue')
  cpSync(packageFolder, source, { recursive: true, filter: (path) => !notSource.includes(basename(path)) })
  cpSync(join(root, 'tsconfig.base.json'), join(folder, 'repository/tsconfig.base.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'repository/node_modules'))
  const options = { cwd: source, env: npmEnvironment() }
  const before = filesOf(source)
  const refusal = await run('npm', ['pack'], options).then(
    () => 'nothing',
    ({ stderr }: { stderr: string }) => stderr,
  )
  await run('npm', ['run', 'pack', '--', '--pack-destination', folder], options)
  const tree = { before, after: filesOf(source) }
  return { ...(await installed(folder)), tree, refusal, drop: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Each file of the source, by its path, with a hash. */
const filesOf = (source: string): string[] =>
  globSync('**/*', { cwd: source, withFileTypes: true, exclude: (entry) => notSource.includes(entry.name) })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${relative(source, path)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
    .toSorted()

/** Without what an npm that runs this test tells its scripts, which is where it was called. */
function npmEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_'))
  return { ...Object.fromEntries(own), PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` }
}

/** What `npm install` would do, with the dependencies of this repository, and with no others in reach. */
async function installed(folder: string): Promise<Pick<Packed, 'project' | 'manifest' | 'files'>> {
  const project = join(folder, 'project')
  const target = join(project, 'node_modules/@airlock/queue')
  mkdirSync(target, { recursive: true })
  const { stdout } = await run('tar', ['-xvzf', join(folder, 'airlock-queue-0.1.0.tgz'), '--strip-components=1', '-C', target])
  const manifest = (await import(join(target, 'package.json'), { with: { type: 'json' } })).default as Packed['manifest']
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
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
