import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { root } from '../npm-start.ts'

interface Component {
  readonly name: string
  readonly version: string
  readonly purl: string
}

interface Sbom {
  readonly bomFormat: string
  readonly metadata: { readonly component: Component & { readonly type: string } }
  readonly components: readonly Component[]
}

const dockerfile = readFileSync(join(root, 'deploy/docker/Dockerfile'), 'utf8')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

const everywhere = ['bullmq', 'ioredis', 'pg', 'typeorm', '@aws-sdk/client-s3', '@airlock/database', '@airlock/queue']

test.each([
  { image: 'airlock-gateway', has: [...everywhere, 'fastify', '@airlock/gateway'], hasNot: ['@img/sharp-linux-x64', '@airlock/worker'] },
  { image: 'airlock-worker', has: [...everywhere, 'sharp', 'jose', '@airlock/worker', '@airlock/ops'], hasNot: ['@airlock/gateway'] },
])('the list of packages in $image has all that is installed, and nothing for development', ({ image, has, hasNot }) => {
  const { folder, sbom } = installed(image)

  expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { type: 'application', name: image, version } } })
  const listed = sbom.components.map(({ purl }) => decodeURIComponent(purl.replace(/^pkg:npm\//, '')))
  expect(new Set(listed)).toEqual(packagesIn(folder))
  const names = listed.map((each) => each.slice(0, each.lastIndexOf('@')))
  expect(has.filter((name) => !names.includes(name))).toEqual([])
  expect([...hasNot, 'typescript', 'vitest', 'turbo', '@types/pg', '@airlock/testkit'].filter((name) => names.includes(name))).toEqual([])
})

/** Runs the commands of an image's stage of the Dockerfile in a temporary folder. @returns the folder that the image contains */
function installed(image: string): { folder: string; sbom: Sbom } {
  const temporary = mkdtempSync(join(tmpdir(), 'airlock-images-'))
  onTestFinished(() => rmSync(temporary, { recursive: true }))
  const work = join(temporary, 'work')
  for (const file of globSync('{package.json,package-lock.json,{apps,packages}/*/package.json}', { cwd: root })) {
    if (/dev-servers|testkit/.test(file)) continue // as in .dockerignore
    mkdirSync(dirname(join(work, file)), { recursive: true })
    cpSync(join(root, file), join(work, file))
  }
  const stage = new RegExp(`^FROM base AS ${image.replace('airlock-', '')}-files\n([\\s\\S]*?)\n\n`, 'm').exec(dockerfile)?.[1] ?? ''
  const commands = [...stage.matchAll(/^RUN (.*)$/gm)].map(([, command = '']) =>
    command.replace('sh /keep-what-runs.sh /', `sh ${join(root, 'deploy/docker/keep-what-runs.sh')} ${temporary}/`),
  )
  expect(commands).toHaveLength(2)
  for (const command of commands) execFileSync('sh', ['-c', command], { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] })
  const folder = join(temporary, image)
  return { folder, sbom: JSON.parse(readFileSync(join(folder, 'sbom.cdx.json'), 'utf8')) as Sbom }
}

/** @returns name and version of each package in a folder: installed ones, and ours, which are linked */
function packagesIn(folder: string): Set<string> {
  const manifests = globSync(['**/node_modules/*/package.json', '**/node_modules/@*/*/package.json', '{apps,packages}/*/package.json'], {
    cwd: folder,
  })
  const packages = manifests
    .filter((path) => !basename(dirname(path)).startsWith('.'))
    .map((path) => JSON.parse(readFileSync(join(folder, path), 'utf8')) as { name?: string; version?: string })
  return new Set(packages.flatMap((found) => (found.name && found.version ? [`${found.name}@${found.version}`] : [])))
}
