// Bundles the command line and everything that it uses into one file, so that it is installed from one tarball, without a registry. `npm run pack` calls it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'rolldown'

/** Writes the licences of the bundled packages, which must accompany their code. */
const licences = {
  name: 'licences',
  writeBundle: (_, bundle) => {
    const modules = Object.values(bundle).flatMap((chunk) => chunk.moduleIds ?? [])
    const folders = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []))
    const texts = [...folders].toSorted().map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const file = ['LICENSE', 'license', 'LICENSE.md', 'LICENSE.txt'].map((entry) => join(folder, entry)).find(existsSync)
      if (file === undefined) throw new Error(`${name} has no file with its licence`)
      return `${name} ${version} (${license})\n\n${readFileSync(file, 'utf8').trim()}\n`
    })
    writeFileSync('built/lib/LICENSES', texts.join(`\n${'-'.repeat(80)}\n\n`))
  },
}

export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  transform: { target: 'node20' },
  output: { file: 'built/lib/airlock.js', comments: false },
  plugins: [licences],
})
