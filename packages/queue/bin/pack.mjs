// What npm runs around `npm pack` and `npm publish`. In the repository the package is its source, which others import without a build;
// outside it is what was built, because Node runs no TypeScript below node_modules.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = new URL('../', import.meta.url)
const manifest = new URL('package.json', folder)
const kept = new URL('package.json.kept', folder)
const lib = new URL('lib/', folder)

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

function before() {
  if (existsSync(kept)) after() // the last one did not come to its end
  rmSync(lib, { recursive: true, force: true })
  execFileSync('tsc', ['-p', 'tsconfig.package.json'], { cwd: fileURLToPath(folder), stdio: 'inherit' })
  const text = readFileSync(manifest, 'utf8')
  writeFileSync(kept, text)
  writeFileSync(manifest, `${JSON.stringify(published(JSON.parse(text)), null, 2)}\n`)
}

function after() {
  renameSync(kept, manifest)
}

const steps = { before, after }
steps[process.argv[2]]()
