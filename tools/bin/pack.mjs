// `npm run pack` in a package that others install: builds it in a separate folder, and packs that. In the repository, others import the source without a
// build; outside, the build is needed, because neither browsers nor Node under node_modules run TypeScript. npm can only pack a folder's own manifest, so
// `npm pack` in the source folder is refused (`prepack`), and the working copy is never changed.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// npm runs scripts in the folder of their package
const source = process.cwd()
const built = join(source, 'built')
const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))

const steps = { pack, refuse }
steps[process.argv[2]](process.argv.slice(3))

function build() {
  rmSync(built, { recursive: true, force: true })
  mkdirSync(built)
  // a program is bundled with what it uses, a library is compiled
  const [compiler, ...args] = manifest.bin ? ['rolldown', '-c', '--logLevel', 'warn'] : ['tsc', '-p', 'tsconfig.package.json']
  execFileSync(compiler, args, { cwd: source, stdio: 'inherit' })
  const copied = manifest.files.filter((name) => name !== 'lib') // which the compiler writes
  for (const name of ['LICENSE', 'README.md', ...copied]) cpSync(join(source, name), join(built, name), { recursive: true })
  writeFileSync(join(built, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`)
}

/** @param args for npm, such as `--pack-destination folder`; without it the tarball is written to the folder in which npm was called */
function pack(args) {
  build()
  const to = args.includes('--pack-destination') ? [] : ['--pack-destination', process.env.INIT_CWD ?? source]
  // npm passes its folder to scripts (npm_config_local_prefix), and the inner npm would use that folder as its own
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')))
  execFileSync('npm', ['pack', ...to, ...args], { cwd: built, env, stdio: 'inherit' })
}

/** npm runs `prepack` before `npm pack` and `npm publish`, which are refused, and before our script `pack`, which is allowed. */
function refuse() {
  if (!['pack', 'publish'].includes(process.env.npm_command)) return
  process.stderr.write(`${manifest.name} is built before it is packed or published: npm run pack; npm publish ${built}\n`)
  process.exitCode = 1
}

/** The manifest of the built package. Its entries are those of `publishConfig`, as pnpm does it; npm does not know them there. */
function published({ scripts: _, devDependencies: __, publishConfig, ...rest }) {
  return { ...rest, ...publishConfig }
}
