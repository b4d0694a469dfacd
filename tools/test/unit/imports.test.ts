import { execFileSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))

const allowed: [string, string][] = [
  ['packages/storage', '@airlock/domain'],
  ['packages/domain', '../asset-kinds.ts'],
  ['packages/domain', './keys.ts'],
  ['packages/lifecycle', '@airlock/inspection/head'],
  ['apps/worker', '@airlock/inspection/full'],
  ['apps/gateway', '@airlock/domain'],
]

const forbidden: [string, string, string][] = [
  ['packages/storage', '@airlock/lifecycle', 'points up'],
  ['packages/storage', '@airlock/database', 'points at a neighbour'],
  ['packages/notifications', '@airlock/lifecycle', 'points at a neighbour'],
  ['packages/queue', '@airlock/domain', 'is one, and the queue imports nothing of ours'],
  ['packages/domain', 'zod', 'is a library'],
  ['packages/domain', 'node:fs', 'does I/O'],
  ['packages/lifecycle', '@airlock/inspection/full', 'would bring an image decoder into the gateway'],
  ['apps/gateway', '@airlock/inspection/full', 'loads an image decoder'],
  ['apps/gateway', '@airlock/worker', 'points at another app'],
  ['apps/worker', '@airlock/dev-servers', 'is for tests and tools'],
  ['packages/dev-servers', '@airlock/testkit', 'points up'],
  ['packages/lifecycle', '@airlock/config', 'is for the apps'],
  ['packages/database', '@airlock/unheard-of', 'has no row'],
  ['packages/gadgets', '@airlock/domain', 'a package without a row may not import'],
]

const forms = {
  'an export': "export * from '@airlock/queue'",
  'a type import': "import type { a } from '@airlock/queue'",
  'a dynamic import': "const a = await import('@airlock/queue')",
}

let folder: string
let found: Set<string>
/** One run of the linter over a file for each import, with the configuration of the repository. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock imports '))
  copyFileSync(join(root, 'biome.json'), join(folder, 'biome.json'))
  for (const [part, specifier] of [...allowed, ...forbidden]) write(fileOf(part, specifier), `import '${specifier}'\n`)
  for (const [name, code] of Object.entries(forms)) write(fileOf('packages/storage', name), `${code}\n`)
  const args = ['lint', '--only=style/noRestrictedImports', '--vcs-enabled=false', '--max-diagnostics=none', '--reporter=github', '.']
  found = new Set([...linted(args).matchAll(/noRestrictedImports,file=[^,]*?((?:packages|apps)\/[^,]+),/g)].map(([, file = '']) => file))
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each(allowed)('%s may import %s', (part, specifier) => {
  expect(found).not.toContain(fileOf(part, specifier))
})

test.each(forbidden)('%s may not import %s, which %s', (part, specifier) => {
  expect(found).toContain(fileOf(part, specifier))
})

test.each(Object.keys(forms))('%s is an import too', (form) => {
  expect(found).toContain(fileOf('packages/storage', form))
})

/** The compiler does not miss a reference, and then builds packages in the wrong order. */
test.each(globSync('{packages,apps}/*', { cwd: root }))('%s refers to the packages of ours that it depends on', (part) => {
  const { dependencies = {} } = json(`${part}/package.json`)
  const { references = [] } = json(`${part}/tsconfig.json`)
  const ours = Object.keys(dependencies).filter((name) => name.startsWith('@airlock/'))
  expect(references.map(({ path }) => `@airlock/${basename(path)}`).toSorted()).toEqual(ours.toSorted())
})

const json = (path: string): { dependencies?: Record<string, string>; references?: { path: string }[] } =>
  JSON.parse(readFileSync(join(root, path), 'utf8'))

const fileOf = (part: string, name: string) => `${part}/src/deep/${name.replace(/\W+/g, '-')}.ts`

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}

function linted(args: string[]): string {
  try {
    return execFileSync(join(root, 'node_modules/.bin/biome'), args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    return (error as { stdout: string }).stdout // findings are an exit code of 1
  }
}
