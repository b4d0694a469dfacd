import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { waitFor } from '@airlock/dev-servers'
import { encodedForm, formOf, postStream, tokenFor } from '@airlock/testkit/http'
import { largeScene, samples } from '@airlock/testkit/samples'
import { expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../chaos/cluster.ts'
import { ServerContents } from '../chaos/server-contents.ts'

const MiB = 1024 * 1024

const uploads = 60
const sizeBytes = 100 * MiB

/** Values as in production of settings that chaos shortens. */
const settings = {
  S3_MULTIPART_COPY_FROM_BYTES: String(100 * MiB),
  S3_CALL_TIMEOUT_MS: '30000',
  DATABASE_POOL_SIZE: '10',
  DATABASE_STATEMENT_TIMEOUT_MS: '5000',
  DATABASE_CONNECT_TIMEOUT_MS: '2000',
  LEASE_SECONDS: '60',
  SWEEP_INTERVAL_SECONDS: '15',
  SWEEP_REST_SECONDS: '3600',
  UPLOAD_MAX_SECONDS: '3600',
  UPLOAD_IDLE_SECONDS: '30',
  RETRY_BASE_MS: '1000',
  WORKER_MIN_ATTEMPTS: '8',
  WORKER_CONCURRENCY: '4',
  MAX_FILES_IN_FLIGHT: '64',
  RATE_LIMIT_FILES_PER_HOUR: '100',
}

/** More large uploads than the machine can receive quickly: all servers respond, so no upload may be aborted. */
test(`${uploads} uploads of ${sizeBytes / MiB} MiB that are sent at once are all accepted, and all become assets`, async ({ annotate }) => {
  const cluster = await startCluster({ settings })
  onTestFinished(() => cluster.stop())
  const contents = new ServerContents(cluster)
  onTestFinished(() => contents.close())
  const [url = ''] = cluster.gateways
  const [userId, over, begun] = [randomUUID(), new AbortController(), performance.now()]
  const seconds = () => (performance.now() - begun) / 1000
  const watching = watch(String(cluster.stack.file.record.processes['gateway-1']?.pid), url, over.signal)

  const { filename, declaredType, bytes } = largeScene(sizeBytes - samples.scene.bytes.byteLength)
  const film = { name: filename, mediaType: declaredType, bytes: Buffer.from(bytes) }
  const form = await encodedForm(formOf({ asset_type: 'generated_video', project_id: randomUUID() }, [film]))
  const send = async () => {
    const answer = await postStream(`${url}/api/upload`, {
      token: tokenFor(userId, cluster.jwtSecret),
      type: form.type,
      body: chunksOf(form.body),
    })
    return { ...answer, seconds: seconds() }
  }
  const answers = await Promise.all(Array.from({ length: uploads }, send))
  expect(answers.filter(({ status }) => status !== 202)).toEqual([])
  const completed = () => contents.count(`uploads where user_id = $1 and state = 'completed'`, [userId])
  await waitFor(async () => (await completed()) === uploads, { what: `${uploads} videos to be assets`, timeoutMs: 900_000, everyMs: 500 })

  const ended = seconds().toFixed(0)
  over.abort()
  const { unready, peakMiB } = await watching
  const times = answers.map((answer) => answer.seconds)
  await annotate(`accepted: the first after ${Math.min(...times).toFixed(1)} s, the last after ${Math.max(...times).toFixed(1)} s`)
  await annotate(`all assets after ${ended} s; gateway: at most ${peakMiB} MiB, not ready ${unready} times`)
  expect(cluster.process('gateway-1').log().split('\n')).not.toContainEqual(expect.stringContaining('server unavailable'))
})

/** So small that the connections share the machine. */
function* chunksOf(bytes: Uint8Array, chunkBytes = 256 * 1024): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

/** Observes the gateway's memory and readiness every second until the signal fires. */
async function watch(pid: string, url: string, until: AbortSignal): Promise<{ unready: number; peakMiB: number }> {
  let [unready, peakMiB] = [0, 0]
  while (!until.aborted) {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', pid])
    peakMiB = Math.max(peakMiB, Math.round(Number(stdout) / 1024))
    const ready = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(10_000) }).catch(() => null)
    if (ready?.ok !== true) unready += 1
    await wait(1000, undefined, { signal: until }).catch(() => {})
  }
  return { unready, peakMiB }
}
