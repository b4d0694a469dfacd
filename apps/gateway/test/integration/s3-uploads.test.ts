import { randomBytes, randomUUID } from 'node:crypto'
import { MiB } from '@airlock/domain'
import { tokenFor } from '@airlock/testkit'
import { expect, onTestFinished } from 'vitest'
import { answerOf, type Client, jwtSecret, logo, type RunningGateway, sample, startGateway, test } from '../gateway.ts'

interface S3Request {
  method: string
  key: string
  uploadId?: string
  partNumber?: number
}

interface Sent {
  status: number
  headers: Headers
  text: string
}

const textOf = (xml: string, name: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]

/** Sends the requests that Uppy's aws-s3 sends, in the same order. */
class Uploader {
  readonly #gateway: RunningGateway
  readonly #client: Client
  #key = `${randomUUID()}-logo.png`
  #uploadId: string | undefined
  token: string | undefined

  constructor(gateway: RunningGateway, client: Client) {
    this.#gateway = gateway
    this.#client = client
  }

  get uploadId(): string {
    return this.#uploadId ?? ''
  }

  get key(): string {
    return this.#key
  }

  async sign(body: object) {
    const authorization = `Bearer ${this.token ?? (await this.#client.token())}`
    const headers = { authorization, 'content-type': 'application/json' }
    return answerOf(await fetch(`${this.#gateway.url}/api/uploads/sign`, { method: 'POST', headers, body: JSON.stringify(body) }))
  }

  /** Signs a request and sends it. */
  async sends(
    request: Partial<S3Request> & { method: string },
    body: Uint8Array | string | null = null,
    contentType?: string,
  ): Promise<Sent> {
    const { body: signed } = await this.sign({ request: { key: this.#key, uploadId: this.#uploadId, ...request } })
    const headers = { ...signed.headers, ...(contentType && { 'content-type': contentType }) }
    const response = await fetch(new URL(signed.url, this.#gateway.url), {
      method: request.method,
      headers,
      body: body as Uint8Array<ArrayBuffer> | string | null,
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  async creates(filename: string, bytes: Uint8Array, { mime_type = 'image/png', ...fields } = {}): Promise<void> {
    const upload = { asset_type: 'brand_image', files: [{ filename, mime_type, size_bytes: bytes.byteLength }], ...fields }
    const { status, body } = await this.sign({ request: { method: 'POST', key: this.#key }, upload, part_size_bytes: 5 * MiB })
    expect({ status, body }).toMatchObject({ status: 200 })
    const headers = { ...body.headers, 'content-type': mime_type }
    const response = await fetch(new URL(body.url, this.#gateway.url), { method: 'POST', headers })
    const answer = await response.text()
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/xml'])
    this.#key = body.key
    this.#uploadId = textOf(answer, 'UploadId')
    expect(this.#uploadId).toMatch(/^cap_/)
  }

  async sendsParts(bytes: Uint8Array, numbers = Array.from({ length: Math.ceil(bytes.byteLength / (5 * MiB)) }, (_, i) => i + 1)) {
    for (const partNumber of numbers) {
      const part = await this.sends({ method: 'PUT', partNumber }, bytes.subarray((partNumber - 1) * 5 * MiB, partNumber * 5 * MiB))
      expect(part.status).toBe(200)
      expect(part.headers.get('etag')).toBeTruthy()
    }
  }

  completes(): Promise<Sent> {
    const parts = '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"not read"</ETag></Part></CompleteMultipartUpload>'
    return this.sends({ method: 'POST' }, parts, 'application/xml')
  }

  async listed(): Promise<number[]> {
    const { text } = await this.sends({ method: 'GET' })
    return [...text.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>[^<]+<\/ETag>/g)].map(([, number]) => Number(number))
  }
}

/** A video whose end is a box of random bytes that players skip. */
async function longVideo(bytes: number): Promise<Buffer> {
  const video = await sample('good/scene-01.mp4')
  const head = Buffer.alloc(8)
  head.writeUInt32BE(bytes - video.byteLength)
  head.write('free', 4)
  return Buffer.concat([video, head, randomBytes(bytes - video.byteLength - 8)])
}

const video = { asset_type: 'generated_video', project_id: randomUUID(), mime_type: 'video/mp4' }

test('a file in parts is stored, listed, and complete as an asset with a URL', async ({ gateway, client }) => {
  const bytes = await longVideo(12 * MiB)
  const uploader = new Uploader(gateway, client)
  await uploader.creates('scene.mp4', bytes, video)

  await uploader.sendsParts(bytes, [1, 3])
  expect(await uploader.listed()).toEqual([1, 3])
  const early = await uploader.completes()
  expect([early.status, textOf(early.text, 'Code')]).toEqual([409, 'upload_incomplete'])
  expect(early.headers.get('content-type')).toBe('application/xml')
  await uploader.sendsParts(bytes, [2])

  const completes = uploader.completes()
  await expect.poll(async () => (await gateway.uploads(client.id)).map(({ state }) => state), { timeout: 10_000 }).toEqual(['received'])
  await gateway.promotes(uploader.key)
  const answer = await completes

  expect(answer.status).toBe(200)
  const location = textOf(answer.text, 'Location')?.replaceAll('&amp;', '&') ?? ''
  expect(Buffer.from(await (await fetch(location)).arrayBuffer()).equals(bytes)).toBe(true)
  const { body: job } = await client.get(`/api/jobs/${uploader.key}`)
  expect(textOf(answer.text, 'Key')).toBe(job.asset_id)

  expect((await uploader.completes()).text.replace(/<Location>.*<\/Location>/, '')).toBe(
    answer.text.replace(/<Location>.*<\/Location>/, ''),
  )
  expect(await uploader.listed()).toEqual([1, 2, 3])
})

test('while there is no result the answer is 503 with Retry-After, never 200, and later the result', {
  meta: { id: 's3-complete-without-result' },
}, async ({ client }) => {
  const gateway = await startGateway({ completeWaitSeconds: 0.2 })
  onTestFinished(() => gateway.close())
  const uploader = new Uploader(gateway, client.at(gateway.url))
  const { bytes } = await logo()
  await uploader.creates('logo.png', bytes)
  await uploader.sendsParts(bytes)

  const pending = await Promise.all([uploader.completes(), uploader.completes(), uploader.completes()])

  expect(pending.map(({ status, text }) => [status, textOf(text, 'Code')])).toEqual(Array(3).fill([503, 'inspection_pending']))
  expect(Number(pending[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(gateway.log.filter(({ msg }) => msg === 'request failed')).toEqual([])
  expect(await uploader.listed()).toEqual([1])
  await gateway.promotes(uploader.key)
  const done = await Promise.all([uploader.completes(), uploader.completes()])
  expect(done.map(({ status }) => status)).toEqual([200, 200])
  expect((await gateway.uploads(client.id)).map(({ state }) => state)).toEqual(['completed'])
})

test('a file whose first bytes are not what it claims is refused with a sentence that names it, each time', async ({ gateway, client }) => {
  const bytes = await sample('good/scene-01.mp4')
  const uploader = new Uploader(gateway, client)
  await uploader.creates(`"<Key>&'.png`, bytes)
  await uploader.sendsParts(bytes)

  const first = await uploader.completes()

  expect([first.status, textOf(first.text, 'Code')]).toEqual([400, 'type_mismatch'])
  expect(textOf(first.text, 'Message')).toContain('&quot;&lt;Key&gt;&amp;')
  expect(first.text.match(/<\/?(?:Error|Code|Message|RequestId|Key)>/g)).toHaveLength(8)
  for (const again of [await uploader.completes(), await uploader.sends({ method: 'GET' })])
    expect([again.status, textOf(again.text, 'Message')]).toEqual([400, textOf(first.text, 'Message')])
  await gateway.leavesNothing()
})

test('an upload that was cancelled, or aborted, is an error and not a success', async ({ gateway, client }) => {
  const { bytes } = await logo()
  const [cancelled, aborted] = [new Uploader(gateway, client), new Uploader(gateway, client)]
  await cancelled.creates('logo.png', bytes)
  await cancelled.sendsParts(bytes)
  const completes = cancelled.completes()
  await expect.poll(async () => (await gateway.uploads(client.id)).map(({ state }) => state), { timeout: 10_000 }).toEqual(['received'])
  expect((await client.sends('DELETE', `/api/jobs/${cancelled.key}`)).status).toBe(200)
  const { status, text } = await completes
  await gateway.promotes(cancelled.key) // as a worker that finds it cancelled
  expect(status).toBeGreaterThanOrEqual(400)
  expect(status).toBeLessThan(500)
  expect(textOf(text, 'Code')).toMatch(/^cancelled/)

  await aborted.creates('logo.png', bytes)
  await aborted.sendsParts(bytes)
  expect((await aborted.sends({ method: 'DELETE' })).status).toBe(204)
  expect((await aborted.completes()).status).toBeGreaterThanOrEqual(400)
  await gateway.leavesNothing()
})

test('a later request needs the capability of its upload alone, in the place of the upload id', async ({ gateway, client }) => {
  const { bytes } = await logo()
  const [mine, other] = [new Uploader(gateway, client), new Uploader(gateway, client)]
  await mine.creates('mine.png', bytes)
  await other.creates('other.png', bytes)
  mine.token = tokenFor(client.id, jwtSecret, { hours: -1 })
  await mine.sendsParts(bytes)

  const foreign = { key: mine.key, uploadId: other.uploadId }
  expect((await other.sign({ request: { method: 'PUT', partNumber: 1, ...foreign } })).body.code).toBe('capability_invalid')
  for (const method of ['GET', 'POST', 'DELETE']) expect((await other.sends({ method, ...foreign })).status).toBe(401)
  const withToken = await fetch(`${gateway.url}/api/uploads/${mine.key}/s3`, { method: 'POST', headers: await client.headers() })
  expect(textOf(await withToken.text(), 'Code')).toBe('capability_invalid')

  const inQuery = await fetch(`${gateway.url}/api/uploads/${mine.key}/s3?capability=${mine.uploadId}`)
  expect(inQuery.status).toBe(200)
  const empty = await fetch(`${gateway.url}/api/uploads/${mine.key}/s3?capability=`)
  expect([empty.status, textOf(await empty.text(), 'Code')]).toEqual([401, 'token_missing'])
  await expect.poll(() => gateway.log.some(({ route }) => route === '/api/uploads/:id/s3')).toBe(true)
  expect(JSON.stringify(gateway.log)).not.toContain('cap_')
  for (const { key, uploadId } of [mine, other]) expect((await mine.sends({ method: 'DELETE', key, uploadId })).status).toBe(204)
})

const png = { asset_type: 'brand_image', files: [{ filename: 'a.png', mime_type: 'image/png', size_bytes: 5 }] }
const created = { method: 'POST', key: 'x' }
const capability = `cap_${'x'.repeat(43)}`
const id = '0190a000-0000-7000-8000-000000000001'

const refused: [what: string, body: object, code: string, detail: RegExp][] = [
  [
    'an empty file, which Uppy would send in one PUT',
    { request: { method: 'PUT', key: 'x' }, upload: { ...png, files: [{ filename: 'a.png', size_bytes: 0 }] } },
    'empty_file',
    /'a\.png' has 0 bytes/,
  ],
  ['one PUT', { request: { method: 'PUT', key: 'x' }, upload: png }, 'request_malformed', /shouldUseMultipart/],
  [
    'a file of another kind',
    { request: created, upload: { ...png, files: [{ filename: 'a.exe', size_bytes: 5 }] } },
    'extension_not_allowed',
    /'a\.exe'/,
  ],
  [
    'a file that is too large',
    { request: created, upload: { ...png, files: [{ filename: 'a.png', size_bytes: 1e12 }] } },
    'file_too_large',
    /10 MiB/,
  ],
  [
    'two files',
    { request: created, upload: { ...png, files: [...png.files, ...png.files] } },
    'field_malformed',
    /'upload\.files' must be a list of one file/,
  ],
  ['no file', { request: created }, 'field_malformed', /'upload' must be the file/],
  ['no kind', { request: created, upload: { files: png.files } }, 'field_malformed', /asset_type/],
  ['small parts', { request: created, upload: png, part_size_bytes: 1024 }, 'field_malformed', /'part_size_bytes' must be .* from 5 MiB/],
  ['a field that does not exist', { request: created, upload: png, capability }, 'request_malformed', /'capability' does not exist/],
  ['another method', { request: { ...created, method: 'PATCH' }, upload: png }, 'field_malformed', /'request\.method' must be GET/],
  ['a deletion of an object', { request: { method: 'DELETE', key: 'x' } }, 'field_malformed', /'upload'/],
  ['a key that is a path', { request: { method: 'GET', key: '../../x', uploadId: capability } }, 'id_malformed', /'\.\.\/\.\.\/x'/],
  ['a key with markup', { request: { method: 'GET', key: '<Key>', uploadId: capability } }, 'id_malformed', /<Key>/],
  [
    'an upload id that would be another header',
    { request: { method: 'GET', key: id, uploadId: 'cap_\r\nx: y' } },
    'capability_invalid',
    /capability/,
  ],
  [
    'an upload that does not exist',
    { request: { method: 'PUT', key: id, uploadId: capability, partNumber: 1 } },
    'upload_not_found',
    new RegExp(id),
  ],
]

test.for(refused)(
  'a request to sign with %s → an error with a detail that explains it',
  async ([, body, code, detail], { gateway, client }) => {
    const answer = await new Uploader(gateway, client).sign(body)

    expect(answer.body).toMatchObject({ code, detail: expect.stringMatching(detail) })
    expect(answer.status).toBeLessThan(500)
    await gateway.leavesNothing()
  },
)

test('part numbers are those of the file', async ({ gateway, client }) => {
  const uploader = new Uploader(gateway, client)
  const { bytes } = await logo()
  await uploader.creates('logo.png', bytes)
  for (const partNumber of [undefined, 0, -1, 2, 10_001]) {
    const { body } = await uploader.sign({ request: { method: 'PUT', key: uploader.key, uploadId: uploader.uploadId, partNumber } })
    expect(body.code).toBe('part_number_invalid')
  }
  expect((await uploader.sends({ method: 'DELETE' })).status).toBe(204)
})
