// `npm run pack -w packages/client`: builds the published package in a separate folder, and packs that. In the repository, others import the source without
// a build; outside, the build is needed, because neither browsers nor Node under node_modules run TypeScript. npm can only pack a folder's own manifest, so
// `npm pack` in the source folder is refused (`prepack`), and the working copy is never changed.
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
  for (const name of ['LICENSE', 'README.md', 'examples']) cpSync(`${source}${name}`, `${built}${name}`, { recursive: true })
  const manifest = JSON.parse(readFileSync(`${source}package.json`, 'utf8'))
  writeFileSync(`${built}package.json`, `${JSON.stringify(published(manifest), null, 2)}\n`)
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
  process.stderr.write('@airlock/client is built before it is packed or published: npm run pack; npm publish packages/client/built\n')
  process.exitCode = 1
}

/** The manifest of the built package. */
function published({ scripts: _, exports: __, devDependencies: ___, ...rest }) {
  return {
    ...rest,
    types: './lib/index.d.ts',
    exports: {
      '.': {
        node: { types: './lib/node.d.ts', default: './lib/node.js' },
        default: { types: './lib/index.d.ts', default: './lib/index.js' },
      },
      './package.json': './package.json',
    },
  }
}
