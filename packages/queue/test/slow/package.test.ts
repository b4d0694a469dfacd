import { randomUUID } from 'node:crypto'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { privateServer } from '@airlock/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { jobResult, queuePrefix, schemaFiles } from '../../src/index.ts'
import { Listening } from '../job-queue-test.ts'
import { type Packed, packed, run } from '../packed.ts'
import { storedPayloads } from '../stored-payloads.ts'

let tarball: Packed
beforeAll(async () => {
  tarball = await packed('queue')
}, 180_000)
afterAll(() => tarball.drop())

const example = 'examples/enqueue-and-wait.ts'
const ofPackage = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('the package contains its build, schemas, an example and its documents, but no sources or tests', () => {
  const { files } = tarball
  expect(files.filter((file) => !file.startsWith('lib/'))).toEqual(
    ['LICENSE', 'README.md', example, 'package.json', ...Object.keys(schemaFiles).map((file) => `schema/${file}`)].toSorted(),
  )
  const built = files.filter((file) => file.startsWith('lib/'))
  expect(built).toEqual(expect.arrayContaining(['lib/index.js', 'lib/index.d.ts', 'lib/producer.js', 'lib/producer.d.ts']))
  expect(built.filter((file) => !/\.(js|d\.ts)$/.test(file))).toEqual([])
})

test('it can be published, has three dependencies and no install scripts', () => {
  const { manifest } = tarball
  expect(manifest.private).toBeUndefined()
  expect(Object.keys(manifest.dependencies)).toEqual(['bullmq', 'ioredis', 'typebox'])
  expect(manifest).toMatchObject({ name: '@airlock/queue', license: 'MIT', engines: { node: '>=22' }, types: './lib/index.d.ts' })
  expect(manifest.scripts).toBeUndefined()
})

test('packing does not change the working tree, and plain npm pack explains how to pack', () => {
  const { tree, refusal } = tarball
  expect(tree.before.length).toBeGreaterThan(30)
  expect(tree.after).toEqual(tree.before)
  expect(refusal).toContain('npm run pack')
})

test("it has the repository's licence, and its README contains its example", () => {
  expect(ofPackage('LICENSE')).toBe(ofPackage('../../LICENSE'))
  expect(ofPackage('README.md')).toContain(`\`\`\`ts\n${ofPackage(example)}\`\`\`\n`)
})

test('its schemas can be imported, and accept stored payloads', async () => {
  const { project } = tarball
  writeFileSync(
    join(project, 'schemas.mjs'),
    `import { parseJob } from '@airlock/queue'
     import schema from '@airlock/queue/schema/generated-video.v1.json' with { type: 'json' }
     const job = parseJob('generated_video', JSON.parse(process.argv[2]))
     process.stdout.write(schema.title + ', ' + job.payload.filename)`,
  )
  const [full] = storedPayloads.filter(({ name }) => name === 'generated-video.v1.full')
  const { stdout } = await run(process.execPath, ['schemas.mjs', JSON.stringify(full?.data)], { cwd: project })
  expect(stdout).toBe('generated_video, version 1, Szene 1 – Übersicht.mp4')
})

/** The strictest compiler options that a project may use. */
const tsconfig = {
  compilerOptions: {
    ...{ target: 'es2024', lib: ['es2024'], module: 'nodenext', types: ['node'], noEmit: true, skipLibCheck: true },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true },
  },
  include: ['*.ts'],
}

test('its example compiles and runs with only the package installed', { timeout: 180_000 }, async () => {
  const { project } = tarball
  cpSync(join(project, 'node_modules/@airlock/queue', example), join(project, 'main.ts'))
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(tsconfig))
  await run(join(import.meta.dirname, '../../../../node_modules/.bin/tsc'), ['-p', project])

  const redis = await privateServer('redis')
  const listening = new Listening({ redisUrl: redis.address.url, prefix: queuePrefix })
  const [assetId, uploadId] = [randomUUID(), randomUUID()]
  listening.worker('videos', async ({ id = '' }) =>
    jobResult({ status: 'completed', uploadId: id, assetId, s3Url: 's3://bucket/scene.mp4' }),
  )
  const env = { ...process.env, REDIS_URL: redis.address.url }
  const { stdout, stderr } = await run(process.execPath, ['main.ts', randomUUID(), randomUUID(), uploadId, 'scene.mp4'], {
    cwd: project,
    env,
  })
  expect({ stdout, stderr }).toEqual({ stdout: `asset ${assetId}\n`, stderr: '' })
  await listening.close()
  await redis.drop()
})

test('payloads that the contract does not allow do not compile', { timeout: 180_000 }, async () => {
  const { project } = tarball
  const wrong = `import { AirlockProducer } from '@airlock/queue'
    const airlock = new AirlockProducer({ redisUrl: '' })
    await airlock.enqueueGeneratedVideo({ uploadId: 'u', userId: 'u', projectId: 'p', key: 'k', filename: 'f', priority: 'urgent' })`
  writeFileSync(join(project, 'wrong.ts'), wrong)
  writeFileSync(join(project, 'tsconfig.wrong.json'), JSON.stringify({ ...tsconfig, include: ['wrong.ts'] }))
  const tsc = join(import.meta.dirname, '../../../../node_modules/.bin/tsc')
  const failed = await run(tsc, ['-p', join(project, 'tsconfig.wrong.json')]).catch((error: { stdout: string }) => error)
  expect(failed.stdout).toContain(`'"urgent"' is not assignable`)
  expect(existsSync(join(project, 'node_modules/@airlock/queue/src'))).toBe(false)
})
