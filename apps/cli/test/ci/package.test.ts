import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect } from 'vitest'
import { assetId, goodRoutes, job, test } from '../../../../packages/client/test/fake-gateway.ts'

const source = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'airlock-packed-'))
afterAll(() => rmSync(folder, { recursive: true }))

const run = (file: string, args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) =>
  promisify(execFile)(file, args, { env: environment, timeout: 120_000, ...options })

/** Without the variables by which an outer npm refers to its own folder. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')))

/** The programs of the machine, perhaps with another version of Node than that of this repository. */
const ownPath = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((entry) => !entry.includes('node_modules'))
  .join(delimiter)

test('one tarball, installed without a registry, is a program that uploads', async ({ gateway }) => {
  await run('npm', ['run', 'pack', '--', '--pack-destination', folder], { cwd: source })
  const tarball = join(folder, 'airlock-cli-0.1.0.tgz')
  const { stdout: files } = await run('tar', ['-tzf', tarball])
  expect(files.trim().split('\n').toSorted()).toEqual(
    ['LICENSE', 'README.md', 'lib/LICENSES', 'lib/airlock.js', 'package.json'].map((file) => `package/${file}`),
  )

  await run('npm', ['install', '--global', '--offline', '--no-audit', '--prefix', folder, tarball])
  const installed = join(folder, 'lib/node_modules/@airlock/cli')
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  expect(manifest).toMatchObject({ name: '@airlock/cli', dependencies: {}, engines: { node: '>=20' }, license: 'MIT' })
  expect(readFileSync(join(installed, 'lib/LICENSES'), 'utf8')).toContain('commander 14.0.3 (MIT)')

  const env = { HOME: folder, PATH: `${join(folder, 'bin')}${delimiter}${ownPath}` }
  const airlock = (args: string[]) => run('airlock', args, { cwd: folder, env })
  expect((await airlock(['--version'])).stdout).toBe(`${manifest.version}\n`)
  gateway.routes = {
    ...goodRoutes,
    'GET /api/jobs/events': [{ jobs: [job('completed')] }],
    [`GET /api/assets/${assetId}`]: [{ json: { asset_id: assetId, s3_url: 's3://bucket/brand-images/a/logo.png' } }],
  }
  writeFileSync(join(folder, 'token'), 'a-token')
  writeFileSync(join(folder, 'logo.png'), 'the bytes of a picture')
  await airlock(['login', '--url', gateway.url, '--token-file', 'token'])
  const { stdout, stderr } = await airlock(['upload', 'logo.*g'])
  expect(stdout).toBe('✓ logo.png  brand-images/a/logo.png\n')
  expect(stderr).toContain('The file is an asset.')
})
