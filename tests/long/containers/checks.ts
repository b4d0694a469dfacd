import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { waitFor } from '@airlock/dev-servers'
import { encodedForm, type FileToSend, formOf, postStream } from '@airlock/testkit/http'
import { sampleReport, sendSamples } from '../../../tools/start/samples.ts'
import type { Check } from '../check.ts'
import type { ComposeProject, Container } from './compose-project.ts'
import { freedoms, holdings } from './inside.ts'
import type { Walk } from './walk.ts'

const minuteMs = 60_000

/** In order: each check uses the state that the previous ones left. */
export const checks: readonly Check<Walk>[] = [
  { what: 'one command builds the images and brings everything up healthy', prove: comesUp, isPrerequisite: true },
  { what: 'every sample ends as it should, and its presigned URL works from this machine', prove: takesSamples },
  { what: 'gateway and worker are not root, have no capability and can write nothing', prove: areLocked },
  { what: 'the images hold what runs and nothing else; the gateway has no native code', prove: areSmall },
  { what: 'three workers share the work', prove: scales },
  { what: 'a gateway that is told to stop finishes the upload that is under way', prove: gatewayStopsInOrder },
  { what: 'workers that are told to stop lose no upload', prove: workersStopInOrder },
  { what: 'in production the example secret is refused', prove: refusesExampleSecret },
  { what: 'down and up again: assets are still there, and the schema is up to date', prove: keepsData },
]

/** The last checks, which run even after an interruption. */
export const tidiness: readonly Check<ComposeProject>[] = [{ what: 'down -v leaves no container, volume or network', prove: leavesNothing }]

async function comesUp({ project, stop }: Walk): Promise<string> {
  await project.compose(['up', '--detach', '--build'], { timeoutMs: 15 * minuteMs, stop })
  await healthy(project)
  return imageSizes(project)
}

/** Every service passes its health check, except those that have completed. */
async function healthy(project: ComposeProject): Promise<void> {
  const allWell = async () => {
    const unwell = (await project.containers()).filter(({ State }) => State.Health?.Status !== 'healthy' && !hasDone(State))
    if (unwell.length > 0) throw new Error(unwell.map(({ Name, State }) => `${Name} is ${State.Health?.Status ?? State.Status}`).join(', '))
    return true
  }
  await waitFor(allWell, { what: 'all containers to be healthy', timeoutMs: minuteMs, everyMs: 500 })
}

const hasDone = ({ Status, ExitCode }: Container['State']): boolean => Status === 'exited' && ExitCode === 0

async function imageSizes(project: ComposeProject): Promise<string> {
  const names = ['airlock-gateway', 'airlock-worker', 'node:24-bookworm-slim']
  const sizes = await Promise.all(names.map((name) => project.docker(['image', 'inspect', '--format', '{{.Size}}', name])))
  return `image sizes: ${names.map((name, at) => `${name} ${Math.round(Number(sizes[at]) / 1e6)} MB`).join(', ')}`
}

async function takesSamples({ root, client }: Walk): Promise<string> {
  const results = await sendSamples(join(root, 'examples/samples'), await client())
  assert.ok(
    results.every(({ ok }) => ok),
    sampleReport(results),
  )
  return `${results.length} samples`
}

async function areLocked({ project }: Walk): Promise<string> {
  for (const service of ['gateway', 'worker']) {
    const { uid, capabilities, noNewPrivileges, written } = await freedoms(project, await project.container(service))
    assert.deepEqual(
      { uid, capabilities, noNewPrivileges, written },
      { uid: 1000, capabilities: 0, noNewPrivileges: true, written: [] },
      service,
    )
  }
  return ''
}

async function areSmall({ project }: Walk): Promise<string> {
  const gateway = await holdings(project, await project.container('gateway'))
  assert.deepEqual(gateway, { apps: ['gateway'], tools: [], sources: [], native: [] }, 'gateway')
  const { native, ...worker } = await holdings(project, await project.container('worker'))
  assert.deepEqual(worker, { apps: ['ops', 'worker'], tools: [], sources: [] }, 'worker')
  return `native code of the worker: ${[...new Set(native)].join(', ')}`
}

async function scales({ project, client, picture, stop }: Walk): Promise<string> {
  await project.compose(['up', '--detach', '--scale', 'worker=3'], { timeoutMs: 2 * minuteMs, stop })
  await healthy(project)
  const sender = await client()
  const photo = await picture('good/Harbour at dusk.jpg')
  const outcomes = await Promise.all(Array.from({ length: 30 }, (_, at) => sender.send({ ...photo, name: `photo ${at}.jpg` })))
  assert.deepEqual(new Set(outcomes.map(({ status }) => status)), new Set(['completed']))
  const shares = await Promise.all((await project.containers('worker')).map(async (worker) => completedBy(await project.logs(worker))))
  assert.ok(shares.length === 3 && shares.every((share) => share > 0), `completed uploads of each worker: ${shares}`)
  return `completed uploads of each worker, with the ${shares.reduce((sum, share) => sum + share) - 30} of before: ${shares.join(', ')}`
}

const completedBy = (log: string): number => log.split('"msg":"upload completed"').length - 1

async function gatewayStopsInOrder({ project, gatewayUrl, token, picture, stop }: Walk): Promise<string> {
  const stopped = Promise.withResolvers<void>()
  const { fields, ...photo } = await picture('good/Harbour at dusk.jpg')
  const form = await encodedForm(formOf(fields, [photo]))
  async function* slowly(): AsyncGenerator<Uint8Array> {
    const half = Math.ceil(form.body.byteLength / 2)
    yield form.body.subarray(0, half)
    stopped.resolve(project.compose(['stop', 'gateway'], { timeoutMs: minuteMs }).then(() => {}))
    await pause(4_000)
    yield form.body.subarray(half)
  }
  const answer = await postStream(`${gatewayUrl}/api/upload`, { token: await token(), type: form.type, body: slowly() })
  const answeredAt = Date.now()
  await stopped.promise
  const seconds = Math.round((Date.now() - answeredAt) / 1000)
  const { State } = await project.container('gateway')
  assert.deepEqual({ answered: answer.status, exitCode: State.ExitCode }, { answered: 202, exitCode: 0 }, answer.body)
  await project.compose(['up', '--detach', '--scale', 'worker=3'], { timeoutMs: 2 * minuteMs, stop })
  await healthy(project)
  return `answered ${answer.status}, and ended ${seconds} s later with exit code ${State.ExitCode}`
}

async function workersStopInOrder({ project, client, picture, stop }: Walk): Promise<string> {
  const sender = await client()
  const photo = await picture('good/Harbour at dusk.jpg')
  const sent = Array.from({ length: 20 }, (_, at) => sender.send({ ...photo, name: `photo ${at}.jpg` }))
  await Promise.race(sent)
  await project.compose(['stop', 'worker'], { timeoutMs: minuteMs })
  const exitCodes = (await project.containers('worker')).map(({ State }) => State.ExitCode)
  await project.compose(['up', '--detach', '--scale', 'worker=3'], { timeoutMs: 2 * minuteMs, stop })
  const outcomes = await Promise.all(sent)
  assert.deepEqual(
    { exitCodes, ended: new Set(outcomes.map(({ status }) => status)) },
    { exitCodes: [0, 0, 0], ended: new Set(['completed']) },
  )
  return `exit codes ${exitCodes.join(', ')}; ${outcomes.length} uploads completed`
}

/** The image without the development settings of compose. */
async function refusesExampleSecret({ project }: Walk): Promise<string> {
  const example = ['-e', 'NODE_ENV=production', '-e', 'JWT_SECRET=an-example-secret-never-use-it-in-production']
  const program = ['--entrypoint', 'node', ...example, 'gateway', '--conditions=airlock-built', 'apps/gateway/dist/main.js']
  const said = await project.compose(['run', '--rm', '-T', '--no-deps', ...program]).then(
    () => 'nothing, and ran',
    (error: Error) => error.message,
  )
  assert.match(said, /JWT_SECRET +is the example value/)
  return ''
}

async function keepsData({ project, client, picture, stop }: Walk): Promise<string> {
  const owner = await client()
  const photo = await picture('good/IMG_4211.JPG')
  const outcome = await owner.send(photo)
  assert.ok(outcome.status === 'completed', JSON.stringify(outcome))
  await project.compose(['down'], { timeoutMs: 2 * minuteMs })
  await project.compose(['up', '--detach'], { timeoutMs: 2 * minuteMs, stop })
  await healthy(project)
  assert.match(await project.logs(await project.container('migrate')), /The schema is up to date/)
  const { bytes } = await owner.download(outcome.assetId)
  assert.equal(sha256(bytes), sha256(photo.bytes))
  return ''
}

const sha256 = (bytes: FileToSend['bytes'] | Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function leavesNothing(project: ComposeProject): Promise<string> {
  await project.compose(['down', '--volumes', '--remove-orphans'], { timeoutMs: 3 * minuteMs })
  assert.deepEqual(await project.leftovers(), [])
  return ''
}
