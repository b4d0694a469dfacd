import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { findEngine, freePorts, waitFor } from '@airlock/dev-servers'
import { type Client, encodedForm, formOf, gatewayClient, postStream } from '@airlock/testkit/http'
import { samples } from '@airlock/testkit/samples'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { sendSamples } from '../../tools/start/samples.ts'
import { root } from '../npm-start.ts'
import { ComposeProject, type Container, findCompose } from './compose.ts'

const minuteMs = 60_000
const [port, s3Port] = await freePorts(2)
const gatewayUrl = `http://127.0.0.1:${port}`
const photo = {
  name: 'Harbour at dusk.jpg',
  mediaType: 'image/jpeg',
  bytes: Buffer.from(samples.photo.bytes),
  fields: { asset_type: 'brand_image' },
}
const folder = mkdtempSync(join(tmpdir(), 'airlock-containers-'))
let project: ComposeProject | string

beforeAll(async () => {
  project = await openProject()
  if (typeof project === 'string') return
  await down(project) // an interrupted run may have left something
  await project.compose(['up', '--detach', '--build'], 15 * minuteMs)
  await healthy()
})
beforeEach(({ skip }) => skip(typeof project === 'string', String(project)))
afterAll(async () => {
  if (typeof project !== 'string') {
    await down(project)
    expect(await project.leftovers()).toEqual([])
  }
  rmSync(folder, { recursive: true })
}, 5 * minuteMs)

/** @returns docker-compose.yml under a name of this clone, or why it can't run here */
async function openProject(): Promise<ComposeProject | string> {
  const engine = await findEngine(process.env)
  if (typeof engine === 'string') return engine
  const program = await findCompose()
  if (program === null) return 'neither `docker compose` nor `docker-compose` is here'
  const name = `airlock-long-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`
  // only what a client of the engine needs: settings of Airlock in a developer's shell must not have an effect
  const ofEngine = /^(PATH|HOME|USER|TMPDIR|XDG_RUNTIME_DIR|DOCKER_.+|.+_PROXY)$/i
  const env = Object.fromEntries(Object.entries(process.env).filter(([variable]) => ofEngine.test(variable)))
  const settings = { PORT: String(port), S3_PORT: String(s3Port), JWT_SECRET: randomBytes(48).toString('base64') }
  const envFile = join(folder, 'empty.env')
  writeFileSync(envFile, '')
  return new ComposeProject(program, { root, name, env: { ...env, ...settings }, envFile })
}

const down = (of: ComposeProject) => of.compose(['down', '--volumes', '--remove-orphans'], 3 * minuteMs)

/** The project, in a test that was not skipped. */
function running(): ComposeProject {
  if (typeof project === 'string') throw new Error(project)
  return project
}

/** Every service passes its health check, except those that have completed. */
async function healthy(): Promise<void> {
  const allHealthy = async () => {
    const unhealthy = (await running().containers()).filter(({ State }) => State.Health?.Status !== 'healthy' && !hasCompleted(State))
    expect(unhealthy.map(({ Name, State }) => `${Name} is ${State.Health?.Status ?? State.Status}`)).toEqual([])
    return true
  }
  await waitFor(allHealthy, { what: 'all containers to be healthy', timeoutMs: minuteMs, everyMs: 500 })
}

const hasCompleted = ({ Status, ExitCode }: Container['State']): boolean => Status === 'exited' && ExitCode === 0

async function upWithThreeWorkers(): Promise<void> {
  await running().compose(['up', '--detach', '--scale', 'worker=3'])
  await healthy()
}

/** A token of a new user, created by `ops` in the containers. */
const newToken = async (): Promise<string> =>
  (await running().compose(['run', '--rm', '-T', 'ops', 'token', '--user', randomUUID()])).trim()

const newClient = async (): Promise<Client> => gatewayClient({ baseUrl: gatewayUrl, token: await newToken() })

const photos = (client: Client, count: number) =>
  Array.from({ length: count }, (_, index) => client.send({ ...photo, name: `photo ${index}.jpg` }))

// Each test uses the state that the previous ones left.

test('every sample has the expected result, and its presigned URL works from this machine', async ({ annotate }) => {
  const images = ['airlock-gateway', 'airlock-worker', 'node:24-bookworm-slim']
  for (const image of images) {
    const bytes = await running().docker(['image', 'inspect', '--format', '{{.Size}}', image])
    await annotate(`${image}: ${Math.round(Number(bytes) / 1e6)} MB`)
  }
  const results = await sendSamples(await newClient(), () => {})
  expect(results.filter(({ ok }) => !ok)).toEqual([])
})

test.for([
  { service: 'gateway', apps: ['gateway'], hasNativeCode: false },
  { service: 'worker', apps: ['ops', 'worker'], hasNativeCode: true },
])(
  'the container of a $service is not root, has no capability, can write nothing, and contains only what it needs at run time',
  async (given, { annotate }) => {
    const { native, ...found } = await inspect(await running().container(given.service))
    const locked = { uid: 1000, capabilities: 0, noNewPrivileges: true, writable: [] }
    expect(found).toEqual({ ...locked, apps: given.apps, developmentPackages: [], sources: [] })
    await annotate(`native code: ${[...new Set(native)].join(', ') || 'none'}`)
    expect(native.length > 0).toBe(given.hasNativeCode)
  },
)

/** Prints what a process in the container may do, and what the image contains: capabilities have a bit each, `sources` are ours in TypeScript. */
const inspection = `
  const fs = require('node:fs')
  const status = fs.readFileSync('/proc/1/status', 'utf8')
  const field = (name) => status.match(new RegExp('^' + name + ':\\\\s*(\\\\S+)', 'm'))[1]
  const packages = ['typescript', 'vitest', 'turbo', '@biomejs', '@types/pg', 'testcontainers', 'fast-check', '@airlock/dev-servers', '@airlock/testkit', '.bin']
  process.stdout.write(JSON.stringify({
    uid: Number(field('Uid')),
    capabilities: ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].reduce((sum, name) => sum + parseInt(field(name), 16), 0),
    noNewPrivileges: field('NoNewPrivs') === '1',
    writable: ['/app/x', '/app/apps/x', '/tmp/x', '/home/node/x', '/var/tmp/x'].filter((path) => {
      try { fs.writeFileSync(path, 'x'); return true } catch { return false }
    }),
    apps: fs.readdirSync('/app/apps').sort(),
    developmentPackages: packages.filter((name) => fs.existsSync('/app/node_modules/' + name)),
    sources: fs.globSync('{apps,packages}/**/*.ts', { cwd: '/app' }),
    native: fs.globSync('node_modules/**/*.{node,so,so.*}', { cwd: '/app' }).map((path) => path.split('/').slice(1, 3).join('/')).sort(),
  }))`

const inspect = async ({ Id }: Container): Promise<Record<string, unknown> & { native: string[] }> =>
  JSON.parse(await running().docker(['exec', Id, 'node', '-e', inspection]))

test('three workers share the work', async ({ annotate }) => {
  await upWithThreeWorkers()
  const outcomes = await Promise.all(photos(await newClient(), 30))
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['completed']))
  const logs = await Promise.all((await running().containers('worker')).map((worker) => running().logs(worker)))
  const shares = logs.map((log) => log.split('"msg":"upload completed"').length - 1)
  await annotate(`completed uploads of each worker, with those of before: ${shares.join(', ')}`)
  expect(shares.filter((share) => share > 0)).toHaveLength(3)
})

test('a gateway that is asked to stop finishes the upload that is in progress', async ({ annotate }) => {
  const stopped = Promise.withResolvers<string>()
  const { body, type } = await encodedForm(formOf(photo.fields, [photo]))
  const half = Math.ceil(body.byteLength / 2)
  async function* slowly(): AsyncGenerator<Uint8Array> {
    yield body.subarray(0, half)
    stopped.resolve(running().compose(['stop', 'gateway'], minuteMs))
    await wait(4_000)
    yield body.subarray(half)
  }
  const answer = await postStream(`${gatewayUrl}/api/upload`, { token: await newToken(), type, body: slowly() })
  const answeredAt = Date.now()
  await stopped.promise
  await annotate(`ended ${Math.round((Date.now() - answeredAt) / 1000)} s after its response`)
  const { State } = await running().container('gateway')
  expect({ status: answer.status, exitCode: State.ExitCode }, answer.body).toEqual({ status: 202, exitCode: 0 })
  await upWithThreeWorkers()
})

test('workers that are asked to stop lose no upload', async () => {
  const sent = photos(await newClient(), 20)
  await Promise.race(sent)
  await running().compose(['stop', 'worker'], minuteMs)
  const exitCodes = (await running().containers('worker')).map(({ State }) => State.ExitCode)
  await upWithThreeWorkers()
  const outcomes = await Promise.all(sent)
  expect(exitCodes).toEqual([0, 0, 0])
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['completed']))
})

/** The image without the development settings of compose. */
test('in production the example secret is refused', async () => {
  const example = ['-e', 'NODE_ENV=production', '-e', 'JWT_SECRET=an-example-secret-never-use-it-in-production']
  const program = ['--entrypoint', 'node', ...example, 'gateway', '--conditions=airlock-built', 'apps/gateway/dist/main.js']
  await expect(running().compose(['run', '--rm', '-T', '--no-deps', ...program])).rejects.toThrow(/JWT_SECRET +is the example value/)
})

test('down and up again: assets are still there, and the schema is up to date', async () => {
  const owner = await newClient()
  const outcome = await owner.send(photo)
  await running().compose(['down'])
  await running().compose(['up', '--detach'])
  await healthy()
  expect(await running().logs(await running().container('migrate'))).toMatch(/The schema is up to date/)
  if (outcome.status !== 'completed') throw new Error(JSON.stringify(outcome))
  expect(photo.bytes.equals((await owner.download(outcome.assetId)).bytes)).toBe(true)
})
