import { type ExecFileOptions, execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A program that hangs is ended. */
export const run = (file: string, args: string[], options: ExecFileOptions = {}) =>
  promisify(execFile)(file, args, { ...options, encoding: 'utf8', timeout: 150_000 })

const packageFolder = fileURLToPath(new URL('..', import.meta.url))
const root = join(packageFolder, '../..')

/** What is built or fetched, and what npm leaves when it is interrupted. */
const notSource = ['node_modules', 'dist', 'lib', 'coverage', 'package.json.kept']

export interface Packed {
  /** Paths in the tarball, sorted. */
  readonly files: string[]
  readonly manifest: Record<string, unknown> & { dependencies: Record<string, string> }
  /** A project that has installed the tarball and what it depends on, and nothing else. */
  readonly project: string
  drop(): void
}

/** Packs a copy of this package as npm does, and installs it into an empty project: this package's own folder is left alone. */
export async function packed(): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-packed-'))
  const source = join(folder, 'repository/packages/queue')
  cpSync(packageFolder, source, { recursive: true, filter: (path) => !notSource.includes(basename(path)) })
  cpSync(join(root, 'tsconfig.base.json'), join(folder, 'repository/tsconfig.base.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'repository/node_modules'))
  await run('npm', ['pack', '--pack-destination', folder], { cwd: source, env: npmEnvironment() })
  const { project, manifest, files } = await installed(folder)
  return { files, manifest, project, drop: () => rmSync(folder, { recursive: true, force: true }) }
}

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
