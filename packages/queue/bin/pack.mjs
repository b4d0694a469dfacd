// `npm run pack`: builds what is published into a folder of its own, and packs that. In the repository the package is its source, which others
// import without a build; outside it is what was built, because Node runs no TypeScript below node_modules. npm can't pack another manifest than
// the folder's, so `npm pack` there is refused (`prepack`), and nothing of the tree is ever rewritten.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('../', import.meta.url))
const built = fileURLToPath(new URL('../built/', import.meta.url))

const steps = { build, pack, refuse }
steps[process.argv[2]](process.argv.slice(3))

function build() {
  rmSync(built, { recursive: true, force: true })
  mkdirSync(built)
  execFileSync('tsc', ['-p', 'tsconfig.package.json'], { cwd: source, stdio: 'inherit' })
  for (const name of ['LICENSE', 'README.md', 'schema', 'examples']) cpSync(`${source}${name}`, `${built}${name}`, { recursive: true })
  const manifest = JSON.parse(readFileSync(`${source}package.json`, 'utf8'))
  writeFileSync(`${built}package.json`, `${JSON.stringify(published(manifest), null, 2)}\n`)
}

/** @param args for npm, such as `--pack-destination folder`; without one the tarball lands where npm was called */
function pack(args) {
  build()
  const to = args.includes('--pack-destination') ? [] : ['--pack-destination', process.env.INIT_CWD ?? source]
  // npm tells its scripts which folder it works in (npm_config_local_prefix), and another npm would take that for its own
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')))
  execFileSync('npm', ['pack', ...to, ...args], { cwd: built, env, stdio: 'inherit' })
}

/** npm runs `prepack` before its own pack and publish, and before our script of the name `pack`, which is the one that may. */
function refuse() {
  if (!['pack', 'publish'].includes(process.env.npm_command)) return
  process.stderr.write('@airlock/queue is built before it is packed or published: npm run pack; npm publish packages/queue/built\n')
  process.exitCode = 1
}

/** The manifest of what was built. */
function published({ scripts: _, exports: __, ...rest }) {
  return {
    ...rest,
    types: './lib/index.d.ts',
    exports: {
      '.': { types: './lib/index.d.ts', default: './lib/index.js' },
      './schema/*.json': './schema/*.json',
      './package.json': './package.json',
    },
  }
}
