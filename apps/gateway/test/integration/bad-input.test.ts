import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { MiB } from '@airlock/domain'
import { describe, expect } from 'vitest'
import { type Answer, answerOf, Client, type FilePart, logo, padded, photo, sample, scene, startGateway, test } from '../gateway.ts'

const project = '0190a000-0000-7000-8000-000000000001'

describe('one bad file', () => {
  const cases: [what: string, code: string, file: () => Promise<FilePart>][] = [
    ['empty', 'empty_file', async () => ({ name: 'empty.png', type: 'image/png', bytes: await sample('bad/empty.png') })],
    ['with an extension that its kind does not permit', 'extension_not_allowed', async () => ({ ...(await photo()), name: 'photo.gif' })],
    ['without an extension', 'extension_not_allowed', async () => ({ ...(await photo()), name: 'photo' })],
    ['declared as a type that its kind does not permit', 'type_not_allowed', async () => ({ ...(await photo()), type: 'text/html' })],
    ['whose extension and declared type disagree', 'extension_mismatch', async () => ({ ...(await photo()), type: 'image/png' })],
    ['whose content has another type', 'type_mismatch', async () => ({ ...(await scene()), name: 'photo.jpg', type: 'image/jpeg' })],
    [
      'that is text with the name of a picture',
      'type_mismatch',
      async () => ({ name: 'a.png', type: 'image/png', bytes: Buffer.from('<script>alert(1)</script>') }),
    ],
    ['with a name of 256 characters', 'filename_too_long', async () => photo(`${'x'.repeat(252)}.jpg`)],
    ['whose name is only dots', 'filename_invalid', async () => photo('...')],
    ['whose name is only white space', 'filename_invalid', async () => photo(' ')],
    ['with a line break in its name', 'filename_invalid', async () => photo('a\r\nb.jpg')],
    [
      'one byte larger than 10 MiB',
      'file_too_large',
      async () => ({ ...(await photo()), bytes: padded((await photo()).bytes, 10 * MiB + 1) }),
    ],
  ]

  test.for(cases)(
    'a file %s → %s, and nothing is kept',
    { meta: { id: 'refused-forms-leave-nothing' } },
    async ([, code, file], { client, gateway }) => {
      const { status, body } = await client.pictures(await file())

      expect(body).toMatchObject({ code, detail: expect.any(String), error: expect.any(String), request_id: expect.any(String) })
      expect(status).toBe(code === 'file_too_large' ? 413 : 400)
      expect(body.rejected).toMatchObject([{ index: 0, code }])
      await gateway.leavesNothing()
    },
  )

  test('the detail of a file that is too large names it and the limit', async ({ client }) => {
    const { body } = await client.pictures({ ...(await photo('big one.jpg')), bytes: padded((await photo()).bytes, 10 * MiB + 1) })
    expect(body.detail).toBe("File 'big one.jpg' is larger than 10 MiB, the maximum for its kind.")
  })

  test('a picture of exactly 10 MiB is not too large', async ({ client }) => {
    const { status } = await client.pictures({ ...(await photo()), bytes: padded((await photo()).bytes, 10 * MiB) })
    expect(status).toBe(202)
  })

  test('a name with NUL is refused', async ({ gateway, client }) => {
    const answer = await rawForm(gateway.url, client, [
      `Content-Disposition: form-data; name="files"; filename="a\0b.jpg"\r\nContent-Type: image/jpeg`,
      (await photo()).bytes,
    ])
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain('filename_invalid')
  })

  test.for([
    ['invalid UTF-8', Buffer.from('gr\xfcn.jpg', 'latin1')],
    ['half a surrogate pair', Buffer.from([0x61, 0xed, 0xa0, 0x80, ...Buffer.from('.jpg')])],
  ] as const)('a name that is %s is refused, not changed', async ([, name], { gateway, client }) => {
    const headers = Buffer.concat([
      Buffer.from('Content-Disposition: form-data; name="files"; filename="'),
      name,
      Buffer.from('"\r\nContent-Type: image/jpeg'),
    ])
    const answer = await rawForm(gateway.url, client, [headers, (await photo()).bytes])
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain('it is not valid UTF-8')
  })

  test('an empty name is refused', async ({ gateway, client }) => {
    const answer = await rawForm(gateway.url, client, [
      `Content-Disposition: form-data; name="files"; filename=""\r\nContent-Type: image/jpeg`,
      (await photo()).bytes,
    ])
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain('filename_invalid')
  })
})

test('a video one byte over its limit leaves neither object nor open multipart upload', {
  meta: { id: 'oversized-video-leaves-nothing' },
}, async () => {
  const gateway = await startGateway({ sizeLimits: { brand_image: 10 * MiB, generated_video: 24 * MiB, lora_training: 1 } })
  try {
    const client = new Client(gateway.url)
    const { bytes } = await scene()
    const { status, body } = await client.uploads(['asset_type', 'generated_video'], ['project_id', project], {
      name: 'film.mp4',
      bytes: padded(bytes, 24 * MiB + 1),
    })

    expect(status).toBe(413)
    expect(body.code).toBe('file_too_large')
    await gateway.leavesNothing()
    expect(await gateway.bucket.keys()).toEqual([])
  } finally {
    await gateway.close()
  }
})

describe('a bad form', () => {
  const cases: [what: string, code: string, send: (client: Client) => Promise<Answer>][] = [
    ['without files', 'no_files', (client) => client.uploads(['asset_type', 'brand_image'])],
    [
      'with eleven files',
      'too_many_files',
      async (client) => client.pictures(...(await Promise.all(Array.from({ length: 11 }, () => logo())))),
    ],
    ['without asset_type', 'asset_type_missing', async (client) => client.uploads(await photo())],
    ['with an unknown asset_type', 'asset_type_unknown', async (client) => client.uploads(['asset_type', 'avatar'], await photo())],
    ['without project_id', 'field_missing', async (client) => client.uploads(['asset_type', 'generated_video'], await scene())],
    [
      'with a malformed project_id',
      'field_malformed',
      async (client) => client.uploads(['asset_type', 'generated_video'], ['project_id', '../x'], await scene()),
    ],
    [
      'with an unknown field',
      'field_unknown',
      async (client) => client.uploads(['asset_type', 'brand_image'], ['folder', 'x'], await photo()),
    ],
    [
      'with a field given twice',
      'field_repeated',
      async (client) => client.uploads(['asset_type', 'brand_image'], await photo(), ['asset_type', 'brand_image']),
    ],
  ]

  const misnamed: [what: string, form: Record<string, string | Blob>, detail: string][] = [
    ['files that is text', { asset_type: 'brand_image', files: 'hello' }, "The field 'files' must be a file: a part with a filename."],
    [
      'metadata that is a file',
      { asset_type: 'brand_image', metadata: new Blob(['{}'], { type: 'application/json' }) },
      "The field 'metadata' must be text: a part without a filename.",
    ],
  ]

  test.for(misnamed)('a field %s → 400 with a detail that explains it', async ([, fields, detail], { client, gateway }) => {
    const body = new FormData()
    for (const [name, value] of Object.entries(fields)) body.append(name, value)
    const answer = await answerOf(await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers: await client.headers(), body }))

    expect(answer).toMatchObject({ status: 400, body: { code: 'field_malformed', detail } })
  })

  test.for(cases)('a form %s → 400 %s, and nothing of it is accepted', async ([, code, send], { client, gateway }) => {
    const { status, body } = await send(client)

    expect([status, body.code]).toEqual([400, code])
    await gateway.leavesNothing()
    expect((await gateway.uploads(client.id)).filter(({ state }) => state !== 'abandoned')).toEqual([])
  })

  test('a body that is not a form → 415', async ({ gateway, client }) => {
    const post = async (headers: Record<string, string>, body: string) =>
      answerOf(await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers: { ...(await client.headers()), ...headers }, body }))

    expect(await post({ 'content-type': 'application/json' }, '{}')).toMatchObject({ status: 415, body: { code: 'not_multipart' } })
    expect(await post({ 'content-type': 'text/plain' }, 'hello')).toMatchObject({ status: 415, body: { code: 'not_multipart' } })
  })

  test('a body with a missing, wrong or endless boundary → 400 form_malformed', async ({ gateway, client }) => {
    const whole = `--cut\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n${(await logo()).bytes.toString()}`
    const post = async (boundary: string, body: string) =>
      answerOf(
        await fetch(`${gateway.url}/api/upload`, {
          method: 'POST',
          headers: { ...(await client.headers()), 'content-type': `multipart/form-data${boundary}` },
          body,
        }),
      )

    expect(await post('; boundary=cut', whole)).toMatchObject({ status: 400, body: { code: 'form_malformed' } })
    expect(await post('; boundary=other', `${whole}\r\n--cut--\r\n`)).toMatchObject({ status: 400, body: { code: 'form_malformed' } })
    expect(await post('', whole)).toMatchObject({ status: 400, body: { code: 'form_malformed' } })
    for (const boundary of ['""', 'x'.repeat(300)])
      expect(await post(`; boundary=${boundary}`, whole), boundary).toMatchObject({ status: 400, body: { code: 'form_malformed' } })
    await gateway.leavesNothing()
  })

  test('a part with too many headers is refused, because one of the unread ones might be its digest', async ({ gateway, client }) => {
    const many = Array.from({ length: 20 }, (_, i) => `X-${i}: y`).join('\r\n')
    const digest = `Content-Digest: sha-256=:${Buffer.alloc(32).toString('base64')}:`
    const answer = await rawForm(gateway.url, client, [
      `Content-Disposition: form-data; name="files"; filename="a.jpg"\r\n${many}\r\n${digest}`,
      (await photo()).bytes,
    ])
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain('form_malformed')
    await gateway.leavesNothing()
  })

  test('a request longer than ten files of the maximum size is refused before it is read', async ({ gateway, client }) => {
    const answer = await rawRequest(
      gateway.url,
      client,
      `Content-Type: multipart/form-data; boundary=x\r\nContent-Length: ${900 * 1024 * MiB}`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(answer).toContain('form_too_large')
  })
})

test('a client that disconnects within a file has uploaded nothing', async ({ gateway, client }) => {
  const { bytes } = await photo()
  const whole = padded(bytes, 8 * MiB)
  const socket = await open(gateway.url)
  const head = `--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n--cut\r\nContent-Disposition: form-data; name="files"; filename="gone.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`
  socket.write(
    `POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await client.token()}\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: ${head.length + whole.byteLength + 9}\r\n\r\n${head}`,
  )
  socket.write(whole.subarray(0, whole.byteLength / 2))
  await expect.poll(async () => (await gateway.uploads(client.id)).at(-1)?.state).toBe('receiving')
  socket.destroy()

  await expect
    .poll(async () => (await gateway.uploads(client.id)).at(-1))
    .toMatchObject({ state: 'abandoned', error_code: 'upload_interrupted' })
  await gateway.leavesNothing()
})

test('a client that stops sending gets 408, and nothing is kept', { meta: { id: 'client-stalls' } }, async () => {
  const gateway = await startGateway({ bodyTimeouts: { maxSeconds: 60, idleSeconds: 1, minBytesPerSecond: 0 } })
  try {
    const client = new Client(gateway.url)
    const answer = await rawRequest(
      gateway.url,
      client,
      'Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: 5000',
      '--cut\r\nContent-Disposition: form-data; name="files"; filename="slow.jpg"\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1.1 408 /)
    expect(answer).toContain('request_stalled')
    await gateway.leavesNothing()
  } finally {
    await gateway.close()
  }
})

test('a form that takes longer than the maximum request time gets 408', async () => {
  const gateway = await startGateway({ bodyTimeouts: { maxSeconds: 1, idleSeconds: 30, minBytesPerSecond: 0 } })
  try {
    const answer = await rawRequest(
      gateway.url,
      new Client(gateway.url),
      'Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: 5000',
      '--cut\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1.1 408 /)
    expect(answer).toContain('request_timeout')
  } finally {
    await gateway.close()
  }
})

async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.on('error', () => {}) // the server may reset the connection; the test checks the response
  return socket
}

/** Sends a request unchanged, and reads the response until the connection is idle or ends. */
async function rawRequest(url: string, client: Client, headers: string, body: string | Buffer = ''): Promise<string> {
  const socket = await open(url)
  socket.write(`POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await client.token()}\r\n${headers}\r\n\r\n`)
  socket.write(body)
  let answer = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: true })) {
    answer += chunk
    if (/\r\n\r\n[\s\S]*}$/.test(answer)) break
  }
  return answer
}

function rawForm(url: string, client: Client, [headers, bytes]: [string | Buffer, Uint8Array]): Promise<string> {
  const body = Buffer.concat([
    Buffer.from('--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n--cut\r\n'),
    Buffer.from(headers as Buffer),
    Buffer.from('\r\n\r\n'),
    bytes,
    Buffer.from('\r\n--cut--\r\n'),
  ])
  return rawRequest(url, client, `Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: ${body.byteLength}`, body)
}
