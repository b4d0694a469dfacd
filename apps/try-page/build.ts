/** Builds the page into `dist`, for the gateway. Does nothing if `dist` was built from the same sources. */
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = import.meta.dirname
const dist = join(folder, 'dist')
const stamp = join(dist, 'built-from')

const sources = globSync(['index.html', 'build.ts', 'package.json', 'src/**', '../../packages/client/src/*'], { cwd: folder })
  .toSorted()
  .filter((file) => statSync(join(folder, file)).isFile())
const hash = createHash('sha256')
for (const file of sources) hash.update(`${file}\0`).update(readFileSync(join(folder, file)))
const wanted = hash.digest('hex')

const isBuilt = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted

if (!isBuilt()) {
  const { build } = await import('vite')
  // Beside the last one, which a gateway may be reading.
  const fresh = join(folder, `node_modules/.building-${process.pid}`)
  try {
    await build({
      root: folder,
      configFile: false,
      logLevel: 'warn',
      base: '/try/',
      oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
      // No `data:` URLs, which the policy of the page refuses.
      build: { outDir: fresh, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: 'es2023' },
    })
    writeFileSync(join(fresh, 'built-from'), wanted)
    if (!isBuilt()) replace(fresh) // another process may have been faster
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function replace(fresh: string): void {
  rmSync(dist, { recursive: true, force: true })
  try {
    renameSync(fresh, dist)
  } catch (error) {
    if (!isBuilt()) throw error
  }
}
