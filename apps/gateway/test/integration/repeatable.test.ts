import { createHash, randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, onTestFinished } from 'vitest'
import { type Answer, answerOf, Client, type FilePart, formOf, logo, photo, type RunningGateway, startGateway, test } from '../gateway.ts'
import { open } from '../raw.ts'

async function sends(url: string, client: Client, key: string, ...files: FilePart[]): Promise<Answer> {
  const body = formOf([['asset_type', 'brand_image'], ...files])
  return answerOf(
    await fetch(`${url}/api/upload`, { method: 'POST', headers: { ...(await client.headers()), 'idempotency-key': key }, body }),
  )
}

const uploadsOf = (gateway: RunningGateway, client: Client) => gateway.uploads(client.id)

test('a repeated request gets the first response, and stores nothing twice', async ({ gateway, client }) => {
  const key = randomUUID()
  const first = await sends(gateway.url, client, key, await photo('a.jpg'), { name: 'b.png', bytes: new Uint8Array() })
  const rows = await uploadsOf(gateway, client)

  const again = await sends(gateway.url, client, key, await photo('a.jpg'), { name: 'b.png', bytes: new Uint8Array() })

  expect(first.status).toBe(202)
  expect(again.status).toBe(202)
  expect(again.body).toEqual(first.body)
  expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])
  expect(await uploadsOf(gateway, client)).toEqual(rows)
})

test('a stored response from before accepted files had an index is repeated with one', async ({ gateway, client }) => {
  const key = randomUUID()
  const empty = { name: 'empty.png', bytes: new Uint8Array() }
  const files = [await photo('a.jpg'), empty, await photo('c.jpg')]
  const first = await sends(gateway.url, client, key, ...files)
  expect(first.body.uploads.map(({ index }: { index: number }) => index)).toEqual([0, 2])
  const sql = new pg.Client({ connectionString: gateway.servers.databaseUrl })
  await sql.connect()
  await sql.query(
    `update idempotency_keys set answer = jsonb_set(answer, '{uploads}', (select jsonb_agg(entry - 'index') from jsonb_array_elements(answer->'uploads') entry))
     where key = $1`,
    [key],
  )
  await sql.end()

  expect((await sends(gateway.url, client, key, ...files)).body).toEqual(first.body)
})

test('refused files belong to the request: another one makes it another request', async ({ gateway, client }) => {
  const key = randomUUID()
  const damaged = { ...(await logo('b.png')), bytes: Buffer.from('not a picture') }
  const first = await sends(gateway.url, client, key, await photo('a.jpg'), damaged)
  expect(first.body.rejected).toMatchObject([{ index: 1, code: 'type_mismatch' }])

  expect(await sends(gateway.url, client, key, await photo('a.jpg'), await logo('b.png'))).toMatchObject({
    status: 422,
    body: { code: 'idempotency_key_reused' },
  })
  expect((await sends(gateway.url, client, key, await photo('a.jpg'), damaged)).body).toEqual(first.body)
})

test("a file whose name can't be stored does not prevent repetition", async ({ gateway, client }) => {
  const part = (name: string, bytes: Uint8Array) => [
    Buffer.from(`--cut\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\nContent-Type: image/jpeg\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]
  const { bytes } = await photo()
  const type = Buffer.from('--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n')
  const body = Buffer.concat([type, ...part('good.jpg', bytes), ...part('a\0b.jpg', bytes), Buffer.from('--cut--\r\n')])
  const headers = { ...(await client.headers()), 'idempotency-key': randomUUID(), 'content-type': 'multipart/form-data; boundary=cut' }
  const send = async () => answerOf(await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers, body }))

  const first = await send()

  expect(first).toMatchObject({
    status: 202,
    body: { uploads: [{ filename: 'good.jpg' }], rejected: [{ index: 1, filename: 'a\u{fffd}b.jpg', code: 'filename_invalid' }] },
  })
  expect((await send()).body).toEqual(first.body)
})

test('a quoted key, as in the IETF draft, is the same key', async ({ gateway, client }) => {
  const first = await sends(gateway.url, client, '"quoted-key"', await photo())
  expect((await sends(gateway.url, client, 'quoted-key', await photo())).body).toEqual(first.body)
})

test('the same key with another body → 422', async ({ gateway, client }) => {
  const key = randomUUID()
  await sends(gateway.url, client, key, await photo('a.jpg'))

  for (const other of [[await photo('other.jpg')], [await logo('a.jpg.png')], [await photo('a.jpg'), await photo('b.jpg')]]) {
    expect(await sends(gateway.url, client, key, ...other)).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  }
  const changed = Buffer.from((await photo()).bytes)
  changed.writeUInt8(changed.readUInt8(changed.length - 3) ^ 1, changed.length - 3)
  expect((await sends(gateway.url, client, key, { ...(await photo('a.jpg')), bytes: changed })).status).toBe(422)
  expect(await uploadsOf(gateway, client)).toHaveLength(1)
})

/** Sends a form whose padding is produced only as it is read. @returns the response, and how much was read */
async function sendsLong(url: string, client: Client, key: string, beginning: FilePart, mebibytes: number) {
  const head = `--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n--cut\r\nContent-Disposition: form-data; name="files"; filename="${beginning.name}"\r\nContent-Type: image/jpeg\r\n\r\n`
  let read = 0
  async function* form() {
    yield Buffer.concat([Buffer.from(head), beginning.bytes])
    for (let sent = 0; sent < mebibytes; sent += 1) {
      yield Buffer.alloc(1024 * 1024)
      read += 1
      await new Promise((resolve) => setTimeout(resolve, 20)) // otherwise the socket buffers accept a lot
    }
    yield Buffer.from('\r\n--cut--\r\n')
  }
  const answer = await answerOf(
    await fetch(`${url}/api/upload`, {
      method: 'POST',
      headers: { ...(await client.headers()), 'idempotency-key': key, 'content-type': 'multipart/form-data; boundary=cut' },
      body: ReadableStream.from(form()),
      duplex: 'half',
    }),
  )
  return { answer, read }
}

test('a repetition is read only up to the first difference: a longer file, another name, one more file', async ({ gateway, client }) => {
  const key = randomUUID()
  const original = await photo('a.jpg')
  expect((await sends(gateway.url, client, key, original)).status).toBe(202)

  for (const [what, beginning] of [
    ['longer', original],
    ['another name', { ...original, name: 'b.jpg' }],
  ] as const) {
    const { answer, read } = await sendsLong(gateway.url, client, key, beginning, 300)
    expect(answer, what).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
    expect(read, `MiB of ${what}`).toBeLessThan(100)
  }
})

test('a repetition takes a permit while it is read, and can be ended like other uploads', async () => {
  const gateway = await startGateway({ maxFilesInFlight: 2 })
  onTestFinished(() => gateway.close())
  const client = new Client(gateway.url)
  const key = randomUUID()
  const picture = await photo('a.jpg')
  expect((await sends(gateway.url, client, key, picture)).status).toBe(202)
  const head = `--cut\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n`
  const sockets = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const socket = await open(gateway.url)
      socket.write(
        `POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await client.token()}\r\nIdempotency-Key: ${key}\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: 1000000\r\n\r\n${head}`,
      )
      socket.write(picture.bytes.subarray(0, 8000))
      return socket
    }),
  )
  let answers = ''
  for (const socket of sockets)
    socket.on('data', (chunk) => {
      answers += chunk
    })

  await expect.poll(() => answers, { timeout: 20_000 }).toContain('overloaded')
  expect((await new Client(gateway.url).pictures(await photo())).status).toBe(202)
  await expect.poll(() => answers).toContain('upload_share_exceeded')
  for (const socket of sockets) socket.destroy()
})

test('the same key of another user is another key', async ({ gateway, client }) => {
  const key = randomUUID()
  const first = await sends(gateway.url, client, key, await photo())
  const other = await sends(gateway.url, new Client(gateway.url), key, await photo())
  expect(other.status).toBe(202)
  expect(other.body.uploads[0].upload_id).not.toBe(first.body.uploads[0].upload_id)
})

test('of ten concurrent requests one is processed; the others get in-flight errors or its response', {
  meta: { id: 'idempotency-ten-at-once' },
}, async ({ gateway, client }) => {
  const key = randomUUID()
  const answers = await Promise.all(Array.from({ length: 10 }, async () => sends(gateway.url, client, key, await photo())))

  const taken = answers.filter(({ status }) => status === 202)
  const inFlight = answers.filter(({ status }) => status === 409)
  expect(taken.length + inFlight.length).toBe(10)
  expect(new Set(taken.map(({ body }) => body.uploads[0].upload_id)).size).toBe(1)
  for (const { headers, body } of inFlight) {
    expect(body.code).toBe('request_in_flight')
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  }
  expect(await uploadsOf(gateway, client)).toHaveLength(1)
})

/** A gateway whose requests stop at `point` until `goesOn` is called. */
async function stopsAt(point: 'receive' | 'enqueue') {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  const stop = () => {
    reached.resolve()
    return opened.promise
  }
  const beside = await startGateway()
  const receive: typeof beside.store.receive = async (...args) => {
    await stop()
    return beside.store.receive(...args)
  }
  const gateway = await startGateway(point === 'receive' ? { store: { ...beside.store, receive } } : {}, beside)
  const { jobQueue } = gateway
  const enqueue = jobQueue.enqueue.bind(jobQueue)
  if (point === 'enqueue') jobQueue.enqueue = (...args) => stop().then(() => enqueue(...args))
  const close = async () => {
    opened.resolve()
    await gateway.close()
    await beside.close()
  }
  return { gateway, client: new Client(gateway.url), reached: reached.promise, goesOn: () => opened.resolve(), close }
}

test('a repetition while the first is being received gets an in-flight error, and later its response', {
  meta: { id: 'idempotency-repeat-while-receiving' },
}, async () => {
  const { gateway, client, reached, goesOn, close } = await stopsAt('receive')
  onTestFinished(close)
  const key = randomUUID()
  const taking = sends(gateway.url, client, key, await photo())
  await reached

  const meanwhile = await sends(gateway.url, client, key, await photo())
  goesOn()

  expect(meanwhile).toMatchObject({ status: 409, body: { code: 'request_in_flight' } })
  const first = await taking
  expect(first.status).toBe(202)
  expect(await sends(gateway.url, client, key, await photo())).toMatchObject({ status: 202, body: first.body })
  expect(await uploadsOf(gateway, client)).toHaveLength(1)
})

test('a repetition after the first was accepted, but before its response, gets that response', {
  meta: { id: 'idempotency-repeat-before-answer' },
}, async () => {
  const { gateway, client, reached, goesOn, close } = await stopsAt('enqueue')
  onTestFinished(close)
  const key = randomUUID()
  const taking = sends(gateway.url, client, key, await photo())
  await reached

  const meanwhile = await sends(gateway.url, client, key, await photo())
  goesOn()

  expect(meanwhile).toMatchObject({ status: 202, body: (await taking).body })
  expect(await uploadsOf(gateway, client)).toHaveLength(1)
})

test('a refusal is not stored: the key can be used for the corrected request', async ({ gateway, client }) => {
  const key = randomUUID()
  expect((await sends(gateway.url, client, key, { name: 'empty.png', bytes: new Uint8Array() })).status).toBe(400)
  expect((await sends(gateway.url, client, key, await photo())).status).toBe(202)
})

test('repetitions do not count towards the hourly limit, and can wait for the asset', async () => {
  const gateway = await startGateway({ filesPerHour: 1 })
  try {
    const client = new Client(gateway.url)
    const key = randomUUID()
    const first = await sends(gateway.url, client, key, await photo())
    for (let i = 0; i < 3; i += 1) expect((await sends(gateway.url, client, key, await photo())).status).toBe(202)
    await gateway.promotes(first.body.uploads[0].upload_id)

    const body = formOf([['asset_type', 'brand_image'], await photo()])
    const finished = await answerOf(
      await fetch(`${gateway.url}/api/upload`, {
        method: 'POST',
        headers: { ...(await client.headers()), 'idempotency-key': key, prefer: 'wait=5' },
        body,
      }),
    )
    expect(finished).toMatchObject({ status: 200, body: { uploads: [{ status: 'completed', asset_id: expect.any(String) }] } })
  } finally {
    await gateway.close()
  }
})

test.for(['', 'x'.repeat(256), 'grüße'])('an invalid key → 400: %s', async (key, { gateway, client }) => {
  expect(await sends(gateway.url, client, key, await photo())).toMatchObject({ status: 400, body: { code: 'idempotency_key_malformed' } })
})

test('a file with its announced digest passes, with another it is refused', async ({ gateway, client }) => {
  const { bytes } = await photo()
  const digest = createHash('sha256').update(bytes).digest('base64')
  const send = async (header: string) => {
    const head = `--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n--cut\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\nContent-Digest: ${header}\r\nContent-Type: image/jpeg\r\n\r\n`
    const body = Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n--cut--\r\n')])
    return answerOf(
      await fetch(`${gateway.url}/api/upload`, {
        method: 'POST',
        headers: { ...(await client.headers()), 'content-type': 'multipart/form-data; boundary=cut' },
        body,
      }),
    )
  }

  expect((await send(`sha-512=:AAAA:, sha-256=:${digest}:`)).status).toBe(202)
  expect(await send(`sha-256=:${Buffer.alloc(32).toString('base64')}:`)).toMatchObject({ status: 400, body: { code: 'digest_mismatch' } })
  const other = Buffer.alloc(32).toString('base64')
  for (const malformed of ['sha-256=abc', 'sha-256', `sha-256=:${digest}:, sha-256=:${other}:`])
    expect(await send(malformed), malformed).toMatchObject({ status: 400, body: { code: 'digest_malformed' } })
  expect((await send(`SHA-256=:${digest}:, sha-256=:${digest}:`)).status).toBe(202)
  expect((await send('md5=:AAAA:')).status).toBe(202)
})

test('metadata is returned unchanged in the job and in the asset', async ({ gateway, client }) => {
  const metadata = { order: 'A-17', retries: 3, urgent: true, note: 'Grüße "x": \\u0000', ratio: 0.1, id: -(2 ** 53), huge: 1e300, none: 0 }
  const answer = await client.uploads(['asset_type', 'brand_image'], ['metadata', JSON.stringify(metadata)], await photo())
  const id = answer.body.uploads[0].upload_id
  expect((await client.get(`/api/jobs/${id}`)).body.metadata).toEqual(metadata)

  await gateway.promotes(id)
  const { asset_id } = (await client.get(`/api/jobs/${id}`)).body
  expect((await client.get(`/api/assets/${asset_id}`)).body.metadata).toEqual(metadata)
})

test('metadata with the content type of JSON is accepted too', async ({ gateway, client }) => {
  const send = async (json: string) => {
    const part = `--cut\r\nContent-Disposition: form-data; name="metadata"\r\nContent-Type: application/json\r\n\r\n${json}\r\n`
    const type = '--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n'
    const file = '--cut\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    const body = Buffer.concat([Buffer.from(part + type + file), (await photo()).bytes, Buffer.from('\r\n--cut--\r\n')])
    const headers = { ...(await client.headers()), 'content-type': 'multipart/form-data; boundary=cut' }
    return answerOf(await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers, body }))
  }

  const { body } = await send('{"order": "A-17", "__proto__": "kept"}')
  const { metadata } = (await client.get(`/api/jobs/${body.uploads[0].upload_id}`)).body
  expect(Object.entries(metadata).toSorted()).toEqual([
    ['__proto__', 'kept'],
    ['order', 'A-17'],
  ])
  expect(await send('{"id": 12345678901234567890}')).toMatchObject({ status: 400, body: { code: 'field_malformed' } })
  expect(await send('{"id": ')).toMatchObject({ status: 400, body: { code: 'field_malformed' } })
})

const refusedMetadata = [
  ...['not json', '[1]', '"text"', 'null', '{"a":{"b":1}}', '{"a":null}', `{"a":"${'x'.repeat(4100)}"}`],
  ...['{"a":1,"a":2}', '{"a":1,"\\u0061":2}'],
  ...['{"a":"\\u0000"}', '{"a":"\\ud800"}', '{"\\udc00":1}'],
  ...['{"a":12345678901234567890}', '{"a":0.12345678901234567890}', '{"a":1e400}', '{"a":1e-400}'],
]
test.for(refusedMetadata)('metadata that is not a small flat object, or would change → 400: %s', async (metadata, { client }) => {
  expect(await client.uploads(['asset_type', 'brand_image'], ['metadata', metadata], await photo())).toMatchObject({
    status: 400,
    body: { code: 'field_malformed' },
  })
})
