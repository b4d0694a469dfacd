import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
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
  const [userId, begun] = [randomUUID(), performance.now()]
  const seconds = () => (performance.now() - begun) / 1000

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
  const times = answers.map((answer) => answer.seconds)
  await annotate(`accepted after ${Math.min(...times).toFixed(1)} to ${Math.max(...times).toFixed(1)} s, all assets after ${ended} s`)
  const { pid } = cluster.stack.file.record.processes['gateway-1'] ?? {}
  const peak = /VmHWM:\s+(.*)/.exec(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))?.[1] // only Linux keeps it
  await annotate(`gateway: at most ${peak ?? 'an unknown amount'} of memory`)
  expect(cluster.process('gateway-1').log().split('\n')).not.toContainEqual(expect.stringContaining('server unavailable'))
})

/** So small that the connections share the machine. */
function* chunksOf(bytes: Uint8Array, chunkBytes = 256 * 1024): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}
