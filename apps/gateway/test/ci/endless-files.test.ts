import type { Socket } from 'node:net'
import { defaultSizeLimits, KiB, MiB } from '@airlock/domain'
import { expect } from 'vitest'
import { type Answer, Client, padded, photo, type RunningGateway, scene, startGateway, test } from '../gateway.ts'
import { open } from '../raw.ts'

/** The limit of bytes that are read from refused files to reach the files after them. */
const drainedBytes = 64 * MiB

const unread = {
  first:
    "File 'first.jpg' was not accepted, because Airlock stopped reading in the refused file 'endless.exe'. Send it again without that file.",
  third:
    "File 'third.jpg' was not accepted, because Airlock stopped reading in the refused file 'endless.exe'. Send it again without that file.",
  behind:
    "Files after 'endless.exe', if any, were not read, because Airlock stopped reading in that refused file. Send them again without it.",
}

const refused = (body: Answer['body']) =>
  body.rejected.map(({ index, filename, code }: { index: number; filename: string | null; code: string }) => [index, filename, code])

const partOf = (filename: string, type: string): string =>
  `\r\n--cut\r\nContent-Disposition: form-data; name="files"; filename="${filename}"\r\nContent-Type: ${type}\r\n\r\n`

/** Begins a form on a separate connection; the test sends its parts. */
async function begun({ url }: RunningGateway, client: Client, length: 'chunked' | number) {
  const socket = await open(url)
  const framing = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
  socket.write(
    `POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await client.token()}\r\nContent-Type: multipart/form-data; boundary=cut\r\n${framing}\r\n\r\n`,
  )
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return {
    socket,
    closed,
    answer: answerOn(socket),
    send: (bytes: string | Uint8Array) => sent(socket, length === 'chunked' ? asChunk(bytes) : bytes),
  }
}

const asChunk = (bytes: string | Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`${Buffer.byteLength(bytes).toString(16)}\r\n`), Buffer.from(bytes), Buffer.from('\r\n')])

/** @returns when the bytes are written, or the connection is closed */
const sent = (socket: Socket, bytes: string | Uint8Array): Promise<void> => new Promise((resolve) => socket.write(bytes, () => resolve()))

async function answerOn(socket: Socket): Promise<{ status: number; body: Answer['body'] }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number; body: Answer['body'] }>()
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    const [, status, body] = /^HTTP\/1\.1 (\d{3})[\s\S]*?\r\n\r\n(\{[\s\S]*\})$/.exec(text) ?? []
    if (body !== undefined) resolve({ status: Number(status), body: JSON.parse(body) })
  })
  return promise
}

const framings: ('chunked' | number)[] = ['chunked', 1024 * MiB]

test.for(framings)(
  'an endless refused file (%s) gets an early response, and unread parts are reported',
  { meta: { id: 'endless-refused-file' } },
  async (length, { gateway, client }) => {
    const { socket, closed, answer, send } = await begun(gateway, client, length)
    await send('--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image')
    await send(partOf('first.jpg', 'image/jpeg'))
    await send((await photo()).bytes)
    await send(partOf('endless.exe', 'image/jpeg'))
    let sentBytes = 0
    while (!socket.destroyed && sentBytes < 900 * MiB) {
      await send(new Uint8Array(MiB))
      sentBytes += MiB
    }
    await send(partOf('third.jpg', 'image/jpeg')) // not read any more

    const { status, body } = await answer
    expect(status).toBe(400)
    expect(body.code).toBe('extension_not_allowed')
    expect(body.rejected).toMatchObject([
      { index: 0, filename: 'first.jpg', code: 'not_read', detail: unread.first },
      { index: 1, filename: 'endless.exe', code: 'extension_not_allowed' },
      { index: 2, filename: null, code: 'not_read', detail: unread.behind },
    ])
    await closed
    expect(sentBytes).toBeLessThan(drainedBytes + 32 * MiB)
    await gateway.leavesNothing()
    expect(await gateway.uploads(client.id)).toMatchObject([{ state: 'abandoned', error_code: 'not_read' }])
  },
)

test('files after it whose headers have arrived are reported by name', async ({ gateway, client }) => {
  const head = `--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image${partOf('endless.exe', 'image/jpeg')}`
  const rest = `x${partOf('third.jpg', 'image/jpeg')}third\r\n--cut--\r\n`
  const { answer, send, socket } = await begun(gateway, client, head.length + drainedBytes + rest.length)
  await send(head)
  for (let bytes = 0; bytes < drainedBytes; bytes += MiB) await send(new Uint8Array(MiB))
  await send(rest)

  const { status, body } = await answer
  expect(status).toBe(400)
  expect(body.rejected).toMatchObject([
    { index: 0, filename: 'endless.exe', code: 'extension_not_allowed' },
    { index: 1, filename: 'third.jpg', code: 'not_read', detail: unread.third },
    { index: 2, filename: null, code: 'not_read', detail: unread.behind },
  ])
  socket.destroy()
  await gateway.leavesNothing()
})

test('a refused file that ends within the bound does not affect later files', async ({ gateway, client }) => {
  const { bytes } = await photo()
  const large = { name: 'large.exe', bytes: padded(bytes, drainedBytes - KiB) }

  const { status, body } = await client.pictures(await photo('first.jpg'), large, await photo('third.jpg'))

  expect(status).toBe(202)
  expect(body.uploads).toMatchObject([{ filename: 'first.jpg' }, { filename: 'third.jpg' }])
  expect(refused(body)).toEqual([[1, 'large.exe', 'extension_not_allowed']])
  await gateway.leavesNothing()
})

test('the response has the status and detail of the file at which reading stopped, in spite of unread files', async () => {
  const gateway = await startGateway({ sizeLimits: { ...defaultSizeLimits, generated_video: MiB } })
  try {
    const film = { ...(await scene('film.mp4')), bytes: padded((await scene()).bytes, MiB + drainedBytes + 4 * MiB) }
    const project = '0190a000-0000-7000-8000-000000000001'
    const client = new Client(gateway.url)
    const { status, body } = await client.uploads(['asset_type', 'generated_video'], ['project_id', project], await scene(), film)

    expect(status).toBe(413)
    expect(body).toMatchObject({ code: 'file_too_large', detail: "File 'film.mp4' is larger than 1 MiB, the maximum for its kind." })
    expect(refused(body)).toEqual([
      [0, 'scene-01.mp4', 'not_read'],
      [1, 'film.mp4', 'file_too_large'],
      [2, null, 'not_read'],
    ])
    await gateway.leavesNothing()
    expect(await gateway.bucket.keys()).toEqual([])
  } finally {
    await gateway.close()
  }
})

test('a form with ten files does not report an eleventh', async ({ gateway, client }) => {
  const { bytes } = await photo()
  const nine = await Promise.all(Array.from({ length: 9 }, (_, i) => photo(`${i}.jpg`)))

  const { body } = await client.pictures(...nine, { name: 'endless.exe', bytes: padded(bytes, drainedBytes + 4 * MiB) })

  expect(body.rejected).toHaveLength(10)
  expect(body.rejected.at(-1)).toMatchObject({ index: 9, code: 'extension_not_allowed' })
  await gateway.leavesNothing()
})
