import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findBreaches } from '../../../checks/breaches.ts'
import { levels } from '../../../checks/levels.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'airlock levels '))
})
afterEach(() => rmSync(root, { recursive: true }))

test.each([
  ['packages/storage', '@airlock/domain'],
  ['packages/lifecycle', '@airlock/inspection/head'],
  ['apps/worker', '@airlock/inspection/full'],
  ['apps/gateway', '@airlock/domain'],
])('%s may import %s', (path, specifier) => {
  place(path, { imports: [specifier] })
  expect(found()).toEqual([])
})

test.each([
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
])('%s may not import %s, which %s', (path, specifier) => {
  place(path, { imports: [specifier], declare: false })
  expect(found()).toEqual([expect.stringContaining(`${path}/src/index.ts:1 imports '${specifier}': `)])
})

test('a relative import may not leave its package, however it gets there', () => {
  place('packages/storage', {})
  write('packages/storage/src/deep/down.ts', "import { a } from '../../../domain/src/index.ts'\nimport { b } from '../index.ts'\n")
  expect(found()).toEqual([expect.stringMatching(/^packages\/storage\/src\/deep\/down\.ts:1 .*may not leave its package/)])
})

test('a forbidden dependency is a violation even if it is not imported', () => {
  place('packages/queue', {})
  write('packages/queue/package.json', JSON.stringify({ name: '@airlock/queue', dependencies: { '@airlock/domain': '0.1.0' } }))
  expect(found()).toEqual(['packages/queue/package.json depends on @airlock/domain. packages/queue may import nothing of ours'])
})

test('tests may have dependencies that sources may not', () => {
  place('packages/queue', {})
  write('packages/queue/package.json', JSON.stringify({ name: '@airlock/queue', devDependencies: { '@airlock/testkit': '0.1.0' } }))
  expect(found()).toEqual([])
})

test('a forbidden project reference is a violation', () => {
  place('packages/queue', {})
  place('packages/domain', {})
  write('packages/queue/tsconfig.json', JSON.stringify({ references: [{ path: '../domain' }] }))
  expect(found()).toEqual(['packages/queue/tsconfig.json refers to packages/domain. packages/queue may import nothing of ours'])
})

test('every import must be in package.json', () => {
  place('packages/storage', { imports: ['@airlock/domain', 'left-pad/lib/x.js'], declare: false })
  expect(found()).toEqual([
    expect.stringContaining('@airlock/domain is not among the dependencies in packages/storage/package.json'),
    expect.stringContaining('left-pad is not among the dependencies in packages/storage/package.json'),
  ])
})

test('an import of our packages must have a project reference', () => {
  place('packages/storage', { imports: ['@airlock/domain'] })
  write('packages/storage/tsconfig.json', '{}')
  expect(found()).toEqual([expect.stringContaining('packages/storage/tsconfig.json has no reference to it')])
})

test('a package without a row in the table is a violation', () => {
  place('packages/gadgets', {})
  expect(found()).toEqual([expect.stringContaining('packages/gadgets has no row')])
})

const found = () => findBreaches(root, levels).map(({ where, rule }) => `${where} ${rule}`)

/** A package with one source file that imports what is asked for; `declare` puts that into package.json and tsconfig.json as well. */
function place(path: string, { imports = [] as string[], declare = true }): void {
  const ours = [...new Set(imports.filter((name) => name.startsWith('@airlock/')).map((name) => name.split('/').slice(0, 2).join('/')))]
  const dependencies = declare ? Object.fromEntries(ours.map((name) => [name, '0.1.0'])) : {}
  const references = declare ? ours.map((name) => ({ path: `../../packages/${name.split('/')[1]}` })) : []
  if (declare) for (const name of ours) write(`packages/${name.split('/')[1]}/package.json`, JSON.stringify({ name }))
  write(`${path}/package.json`, JSON.stringify({ name: `@airlock/${path.split('/')[1]}`, dependencies }))
  write(`${path}/tsconfig.json`, JSON.stringify({ references }))
  write(`${path}/src/index.ts`, imports.map((name, at) => `import { a${at} } from '${name}'\n`).join(''))
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
