import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type OutputChunk } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Packed, packed, run } from '../../../queue/test/packed.ts'

let tarball: Packed
beforeAll(async () => {
  tarball = await packed('client')
}, 180_000)
afterAll(() => tarball.drop())

const bin = (name: string) => join(import.meta.dirname, '../../../../node_modules/.bin', name)

test('the package contains its build, its examples and its documents, and no sources, tests or dependencies', () => {
  const { files, manifest, tree, refusal } = tarball
  const examples = ['consume-events.ts', 'list-and-delete.ts', 'receive-webhooks.ts', 'upload-file.ts', 'upload-in-page.js']
  expect(files.filter((file) => !file.startsWith('lib/'))).toEqual(
    ['LICENSE', 'README.md', ...examples.map((name) => `examples/${name}`), 'package.json'].toSorted(),
  )
  expect(files.filter((file) => file.startsWith('lib/') && !/\.(js|d\.ts)$/.test(file))).toEqual([])
  expect(manifest).toMatchObject({ name: '@airlock/client', license: 'MIT', engines: { node: '>=20' } })
  for (const absent of ['dependencies', 'devDependencies', 'scripts', 'private']) expect(manifest[absent]).toBeUndefined()
  expect(tree.after).toEqual(tree.before)
  expect(refusal).toContain('npm run pack')
})

test('publint and arethetypeswrong report nothing', async () => {
  const { folder, project } = tarball
  const lint = await run(bin('publint'), ['--strict', join(project, 'node_modules/@airlock/client')])
  expect(lint.stdout).toContain('All good!')
  // Node loads ES modules by `require`; versions of TypeScript before 4.7 are not supported
  const types = await run(bin('attw'), [join(folder, 'airlock-client-0.1.0.tgz'), '--profile', 'esm-only'])
  expect(types.stdout).toContain('bundler')
})

test('a browser loads at most 8 kB, which need neither Node nor another package', async () => {
  const { project } = tarball
  const entry = join(project, 'page.js')
  writeFileSync(entry, "export { Airlock, AirlockError } from '@airlock/client'")
  const { output } = await build({ input: entry, platform: 'browser', write: false, output: { minify: true } })
  const [{ code, imports }] = output as [OutputChunk]

  expect(imports).toEqual([])
  expect(code).not.toMatch(/node:|\bBuffer\b|\bprocess\b/)
  const size = gzipSync(code, { level: 9 }).length
  expect(size).toBeLessThanOrEqual(8000)
})

/** The compiler options of a page, and of a program for Node: each knows only the types of its platform. */
const platforms = {
  page: { lib: ['es2022', 'dom', 'dom.iterable'], module: 'esnext', moduleResolution: 'bundler', types: [] },
  program: { lib: ['es2022'], module: 'nodenext', types: ['node'] },
}

test.for(Object.entries(platforms))('it compiles in a %s with the strictest options, and refuses wrong calls', async ([name, options]) => {
  const { project } = tarball
  const strict = { target: 'es2022', noEmit: true, strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true }
  writeFileSync(join(project, `${name}.json`), JSON.stringify({ compilerOptions: { ...strict, ...options }, files: [`${name}.ts`] }))
  const code = `import { Airlock, AirlockError, type PresignedAsset, webhooks } from '@airlock/client'
    const airlock = new Airlock({ baseUrl: 'https://airlock.example.com', token: async () => 'token', fetch })
    const asset: PresignedAsset = await airlock.upload(new File([], 'a.png'), { assetType: 'brand_image', metadata: { order: 1 }, signal: AbortSignal.timeout(1) })
    for await (const { status, error } of airlock.jobs.follow([asset.asset_id])) if (status === 'rejected') throw new AirlockError({ code: error?.code ?? '', detail: '' })
    for await (const { events } of airlock.events.consume()) for (const event of events) if (event.type === 'upload.completed') event.data.facts
    await webhooks.verify('', new Headers(), '')
    // @ts-expect-error
    airlock.upload(new File([], 'a.png'), { assetType: 'picture' })
    // @ts-expect-error
    airlock.assets.list({ assetTyp: 'brand_image' })`
  writeFileSync(join(project, `${name}.ts`), code)
  await run(bin('tsc'), ['-p', join(project, `${name}.json`)]).catch(({ stdout }: { stdout: string }) => expect(stdout).toBe(''))
})
