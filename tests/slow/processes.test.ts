import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@airlock/dev-servers'
import { type Answer, call, tokenFor } from '@airlock/testkit/http'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../chaos/cluster.ts'
import { formOf, SamplePool, sha256 } from '../chaos/files.ts'
import { randomFrom } from '../chaos/random.ts'

const tenMinutesMs = 600_000
const startMs = 120_000

const samplePool = new SamplePool()
const random = randomFrom(1, 'clocks')
const user = randomUUID()
let cluster: Cluster
let sql: Client

beforeAll(async () => {
  const [ahead, behind] = [tenMinutesMs, -tenMinutesMs]
  const clocks = { 'gateway-1': ahead, 'gateway-2': behind, 'images-1': ahead, 'images-2': behind, 'videos-1': behind }
  cluster = await startCluster({ clocks })
  sql = new Client({ connectionString: cluster.stack.postgres.url })
  await sql.connect()
}, startMs)
afterAll(async () => {
  await sql.end()
  await cluster.stop()
}, startMs)

const token = () => tokenFor(user, cluster.jwtSecret)

/** A valid file of the kind. */
function draw(assetType: 'brand_image' | 'generated_video', label: string) {
  for (;;) {
    const file = samplePool.draw(assetType, label, random)
    if (file.expected === 'completed') return file
  }
}

interface Body {
  uploads: { upload_id: string; status: string; presigned_url: string; expiration_at: string }[]
}

const bodyOf = (answer: Answer): Body => {
  if (answer.lost !== undefined) throw new Error(answer.lost)
  expect(answer.body).toHaveProperty('uploads')
  return answer.body as Body
}

const rowOf = async (id: string) => (await sql.query('select * from uploads where id = $1', [id])).rows[0]

const comesTo = (state: string, id: string) =>
  waitFor(async () => ((await rowOf(id)).state === state ? rowOf(id) : null), { what: `upload ${id} to be ${state}`, timeoutMs: 30_000 })

test.for(['brand_image', 'generated_video'] as const)(
  'with clocks ten minutes off, a %s completes at its first attempt, and its URL works until the stated time',
  { timeout: 60_000 },
  async (assetType, { expect }) => {
    for (const gateway of cluster.gateways) {
      const file = draw(assetType, randomUUID())
      const answer = await call(`${gateway}/api/upload`, {
        method: 'POST',
        token: token(),
        form: formOf([file], { projectId: randomUUID(), fieldsFirst: true }),
        headers: { prefer: 'wait=20' },
      })

      expect(answer).toMatchObject({ status: 200 })
      const [upload] = bodyOf(answer).uploads
      expect(upload).toMatchObject({ status: 'completed' })
      expect(await rowOf(upload?.upload_id ?? '')).toMatchObject({ state: 'completed', attempt: 1, last_fault: null })
      const fetched = await fetch(upload?.presigned_url ?? '')
      expect(sha256(await fetched.bytes())).toBe(file.sha256)
      const { searchParams } = new URL(upload?.presigned_url ?? '')
      const signedAt = Date.parse((searchParams.get('X-Amz-Date') ?? '').replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'))
      expect(Date.parse(upload?.expiration_at ?? '')).toBe(signedAt + 1000 * Number(searchParams.get('X-Amz-Expires')))
    }
  },
)

test('with clocks ten minutes off, an upload is not claimed before its lease expires, and soon after', {
  meta: { id: 'clock-skew-respects-leases' },
  timeout: 60_000,
}, async () => {
  const workers = (['images-1', 'images-2'] as const).map((name) => cluster.process(name))
  for (const worker of workers) worker.signal('SIGSTOP')
  const answer = await call(`${cluster.gateways[0]}/api/upload`, {
    method: 'POST',
    token: token(),
    form: formOf([draw('brand_image', randomUUID())], { projectId: '', fieldsFirst: true }),
  })
  const id = bodyOf(answer).uploads[0]?.upload_id ?? ''
  const { rows } = await sql.query(
    `update uploads set state = 'processing', attempt = attempt + 1, processing_at = now(), updated_at = now(), lease_until = now() + interval '5 s'
     where id = $1 and state = 'received' returning lease_until`,
    [id],
  )
  for (const worker of workers) worker.signal('SIGCONT')

  const row = await comesTo('completed', id)

  expect(row.attempt).toBe(2)
  const lateMs = row.completed_at.getTime() - rows[0].lease_until.getTime()
  expect(lateMs).toBeGreaterThanOrEqual(0)
  expect(lateMs).toBeLessThan(15_000)
})

test('with clocks ten minutes off, a slow upload is not abandoned, and an unfinished one is', {
  meta: { id: 'clock-skew-abandons-only-stale' },
  timeout: 60_000,
}, async () => {
  const { bytes, name, mediaType } = draw('brand_image', randomUUID())
  const left = randomUUID()
  await sql.query(
    `insert into uploads (id, state, user_id, asset_type, door, original_filename, declared_type, quarantine_key, nonce, created_at)
     values ($1, 'receiving', $2, 'brand_image', 'form', 'left.png', 'image/png', $3, 'nonce', now() - interval '1 minute')`,
    [left, user, `quarantine/${left}`],
  )
  async function* slowly() {
    yield Buffer.from(
      `--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n--cut\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\nContent-Type: ${mediaType}\r\n\r\n`,
    )
    const half = Math.ceil(bytes.byteLength / 2)
    yield bytes.subarray(0, half)
    await wait(4000)
    yield bytes.subarray(half)
    yield Buffer.from('\r\n--cut--\r\n')
  }

  const answer = await fetch(`${cluster.gateways[1]}/api/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token()}`, 'content-type': 'multipart/form-data; boundary=cut' },
    body: ReadableStream.from(slowly()),
    duplex: 'half',
  })

  expect(answer.status).toBe(202)
  const { uploads } = (await answer.json()) as Body
  expect(await comesTo('completed', uploads[0]?.upload_id ?? '')).toMatchObject({ attempt: 1 })
  await comesTo('abandoned', left)
})

const everything = ['postgres', 'redis', 's3'] as const

test.for([
  ...everything.map((server) => ({ servers: [server], how: 'cut' as const })),
  { servers: everything, how: 'cut' as const },
  { servers: everything, how: 'hole' as const },
])(
  'a gateway and a worker that start while $servers are unavailable ($how) keep running, and work without a restart later',
  { meta: { id: 'start-with-servers-unavailable' }, timeout: 90_000 },
  async ({ servers, how }, { expect }) => {
    const [url = ''] = cluster.gateways
    const started = ['gateway-1', 'images-1'] as const
    const become = (kind: 'open' | 'cut' | 'hole') => {
      for (const member of started) for (const server of servers) cluster.link(member, server).become({ kind })
    }
    await Promise.all([...started, 'images-2' as const].map((name) => cluster.process(name).kill()))
    become(how)

    await Promise.all(started.map((name) => cluster.process(name).start()))

    await waitFor(async () => (await fetch(`${url}/health/live`)).ok, { what: 'the gateway to live', timeoutMs: 20_000 })
    await waitFor(async () => (await fetch(`${url}/health/ready`)).status === 503, { what: 'the gateway to be unready' })
    const send = () =>
      call(`${url}/api/upload`, {
        method: 'POST',
        token: token(),
        form: formOf([draw('brand_image', randomUUID())], { projectId: '', fieldsFirst: true }),
      })
    const meanwhile = await send()
    expect(meanwhile).toMatchObject({ status: servers.length === 1 && servers[0] === 'redis' ? 202 : 503 })
    await wait(2000)
    become('open')
    await waitFor(async () => (await fetch(`${url}/health/ready`)).ok, { what: 'the gateway to be ready', timeoutMs: 30_000 })
    const taken = (answer: Answer) => 'status' in answer && answer.status === 202
    const later = await waitFor(() => send().then((answer) => taken(answer) && answer), { what: 'a file to be accepted' })
    const answers = [meanwhile, later].filter(taken)
    for (const { upload_id: id } of answers.flatMap((answer) => bodyOf(answer).uploads)) {
      expect(await comesTo('completed', id)).toMatchObject({ attempt: 1 })
    }
    await cluster.process('images-2').start()
  },
)

test.for(everything)(
  'while %s is frozen for longer than a lease, no upload is lost, and no restart is needed',
  { meta: { id: 'server-frozen-beyond-lease' }, timeout: 90_000 },
  async (server, { expect }) => {
    const { controls } = cluster.stack.servers[server]
    const send = (gateway: string | undefined) =>
      call(`${gateway}/api/upload`, {
        method: 'POST',
        token: token(),
        // pictures, because the cluster's worker for videos parks at the first fault
        form: formOf([draw('brand_image', randomUUID())], { projectId: randomUUID(), fieldsFirst: true }),
      })
    const before = await Promise.all(cluster.gateways.map(send))
    await controls?.pause()
    const begun = performance.now()
    const meanwhile = await Promise.all(cluster.gateways.map(send))
    const ms = performance.now() - begun
    await wait(4000)
    await controls?.resume()
    const after = await waitFor(
      async () => {
        const answers = await Promise.all(cluster.gateways.map(send))
        return answers.every((answer) => 'status' in answer && answer.status === 202) && answers
      },
      { what: 'both gateways to accept files', timeoutMs: 30_000 },
    )

    for (const answer of meanwhile) expect(answer).toMatchObject({ status: server === 'redis' ? 202 : 503 })
    // an upload in progress ends by the timeout of its own call to the store (4 s), and of the cleanup after it
    expect(ms).toBeLessThan(server === 's3' ? 15_000 : 6000)
    const taken = [...before, ...meanwhile, ...after].filter((answer) => 'status' in answer && answer.status === 202)
    expect(taken.length).toBeGreaterThanOrEqual(4)
    for (const { upload_id: id } of taken.flatMap((answer) => bodyOf(answer).uploads)) await comesTo('completed', id)
  },
)
