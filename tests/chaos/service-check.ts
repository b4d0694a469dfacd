import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@airlock/dev-servers'
import { encodedForm, postStream, tokenFor } from '@airlock/testkit/http'
import { sendForm } from './client.ts'
import { type Run, ready } from './cluster.ts'
import { expensivePicture, type FileToSend, formOf } from './files.ts'
import { randomFrom } from './random.ts'
import { execute } from './statements.ts'

/** Maximum time for attempts to begin and end, with a margin for a busy machine, in ms. */
const attemptsWithinMs = 180_000

/** Maximum duration of another user's small upload next to many slow ones, in ms. A test of the gateway checks the exact bound. */
const besideCrowdMs = 10_000

/** More than the permits of one gateway (MAX_FILES_IN_FLIGHT of the cluster). */
const crowdSize = 24

/** Bytes that a gateway reads before it takes a permit: the fields, and the head of the file. */
const headBytes = 8192 + 512

/** Slightly faster than the minimum rate of the gateway (`UPLOAD_MIN_BYTES_PER_SECOND`). */
const crawlBytes = 300
const crawlEveryMs = 250

const forms = 6

/** If our own statement takes longer, in ms, the machine is too busy: timeouts of a gateway then prove nothing. */
const slowMachineMs = 500

/**
 * Sends good files of new users after the repairs: both gateways must accept all of them, even while one user has as many slow uploads as a gateway
 * allows. Each refusal is recorded as `refused wrongly`.
 */
export async function checkService(options: Run): Promise<void> {
  const { cluster, seed, samplePool } = options
  const random = randomFrom(seed, 'service check')
  const draw = (label: string): FileToSend => samplePool.draw('brand_image', label, random, true)
  await gatewaysReady(options)
  const send = (gateway: string, label: string) => sendGoodFile(gateway, draw(label), options)
  await Promise.all(Array.from({ length: forms }, (_, index) => send(random.pick(cluster.gateways), `after-${index}`)))

  const [gateway = ''] = cluster.gateways
  const crowd = Array.from({ length: crowdSize }, (_, index) => samplePool.draw('generated_video', `slow-${index}`, random, true))
  const over = new AbortController()
  const token = tokenFor(randomUUID(), cluster.jwtSecret)
  for (const file of crowd) void crawl(`${gateway}/api/upload`, token, file, over.signal)
  try {
    await wait(1000)
    await sendGoodFile(gateway, expensivePicture('expensive'), options)
    for (let index = 0; index < forms; index += 1) await send(gateway, `beside-${index}`)
  } finally {
    over.abort()
  }
  await parkOne(gateway, samplePool.draw('generated_video', 'parked', random, true), options)
}

/** An upload that sends the head of its file and then continues slowly, like a user who wants to occupy all permits. */
async function crawl(url: string, token: string, file: FileToSend, signal: AbortSignal): Promise<void> {
  const { body, type } = await encodedForm(formOf([file], { projectId: randomUUID(), fieldsFirst: true }))
  async function* slowly(): AsyncGenerator<Uint8Array> {
    yield body.subarray(0, headBytes)
    for (let at = headBytes; at < body.byteLength; at += crawlBytes) {
      await wait(crawlEveryMs, undefined, { signal })
      yield body.subarray(at, at + crawlBytes)
    }
  }
  await postStream(url, { token, type, body: slowly(), signal }).catch(() => {}) // ended by the gateway or by us
}

/** Lets a video be parked because its worker's store responds as busy. An operator retries it later. */
async function parkOne(gateway: string, video: FileToSend, options: Run): Promise<void> {
  const { cluster, history } = options
  const link = cluster.link('videos-1', 's3')
  link.become({ kind: 'busy' })
  try {
    await sendGoodFile(gateway, video, options)
    const parked = () => execute(cluster, `select from uploads where state = 'parked' and original_filename = $1`, [video.name])
    await waitFor(async () => (await parked()).length === 1, { what: 'a video to be parked', timeoutMs: attemptsWithinMs, everyMs: 500 })
  } catch (error) {
    history.add({ event: 'failed', what: 'park', name: video.name, why: String(error) }) // the machine was too slow for it
  } finally {
    link.become({ kind: 'open' })
  }
  await attemptsEnd(options)
}

/**
 * Waits until every attempt with the busy store has ended, because it may still park its upload, which an earlier retry would miss. Attempts that do not
 * end are left to the checks.
 */
async function attemptsEnd({ cluster, history }: Run): Promise<void> {
  const [{ now }] = (await execute<{ now: Date }>(cluster, 'select now()')) as [{ now: Date }]
  const running = () => execute(cluster, `select from uploads where state = 'processing' and processing_at <= $1`, [now])
  await waitFor(async () => (await running()).length === 0, { what: 'attempts to end', timeoutMs: attemptsWithinMs, everyMs: 200 }).catch(
    (error: Error) => history.add({ event: 'failed', what: 'attempts end', name: '', why: error.message }),
  )
}

/** Waits until both gateways are ready; one that is not has refused all requests. */
export async function gatewaysReady({ cluster, history }: Pick<Run, 'cluster' | 'history'>): Promise<void> {
  for (const gateway of cluster.gateways)
    await ready(gateway).catch((error: Error) => history.add({ event: 'refused wrongly', why: error.message }))
}

/** Sends a file of a new user. A refusal or a late response is recorded as `refused wrongly`. */
export async function sendGoodFile(gateway: string, file: FileToSend, run: Pick<Run, 'cluster' | 'history'>): Promise<void> {
  const userId = randomUUID()
  run.history.addSent(file, userId)
  const begun = performance.now()
  const form = formOf([file], { projectId: randomUUID(), fieldsFirst: true })
  const { status, code, uploads } = await sendForm([file], { gateway, userId, form }, run)
  const ms = Math.round(performance.now() - begun)
  if (uploads.length === 1 && ms <= besideCrowdMs) return
  const what = { name: file.name, why: `${status} ${code} after ${ms} ms` }
  const asked = performance.now()
  await execute(run.cluster, 'select 1')
  const isSlow = performance.now() - asked > slowMachineMs
  run.history.add(isSlow ? { event: 'failed', what: 'POST', ...what } : { event: 'refused wrongly', ...what })
}
