import { getHeapStatistics } from 'node:v8'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Client, logo, startGateway } from '../gateway.ts'
import { exchange } from '../raw.ts'

const bodies = 2000
const seed = 20261124

const boundary = 'cut'
const CRLF = '\r\n'

/** Pieces of multipart bodies, valid and invalid. */
const dispositions = fc.constantFrom(
  'form-data; name="files"; filename="a.png"',
  'form-data; name="files"; filename=""',
  'form-data; name="files"; filename="../../etc/passwd"',
  'form-data; name="files"; filename="a\0b.png"',
  'form-data; name="files"; filename="a\rb.png"',
  'form-data; name="files"; filename*=UTF-8\'\'%e2%82%ac.png',
  'form-data; name="asset_type"',
  'form-data; name="__proto__"',
  'form-data; name="constructor"; filename="a.png"',
  'form-data; name=files; filename=a.png',
  'form-data; name="files" filename="a.png"',
  'form-data',
  'attachment; filename="a.png"',
  '',
)
const extraHeaders = fc.constantFrom(
  '',
  'Content-Type: image/png',
  'Content-Type: image/png\r\nContent-Type: text/html',
  'Content-Type: multipart/mixed; boundary=inner',
  'Content-Type: application/json',
  'Content-Transfer-Encoding: base64',
  'Content-Digest: sha-256=:AAAA:',
  `X-Large: ${'x'.repeat(20_000)}`,
  'no colon here',
  ': no name',
  Array.from({ length: 50 }, (_, i) => `X-${i}: y`).join(CRLF),
)
const contents = fc.oneof(
  fc.constantFrom('', 'brand_image', '{"a":1}', '--', `--${boundary}`, `${CRLF}--${boundary}`, `--inner${CRLF}${CRLF}x${CRLF}--inner--`),
  fc.string({ unit: 'binary', maxLength: 200 }),
)
const separators = fc.constantFrom(
  `${CRLF}--${boundary}${CRLF}`,
  `\n--${boundary}\n`,
  `--${boundary}${CRLF}`,
  `${CRLF}--${boundary}`,
  `${CRLF}--other${CRLF}`,
)
const ends = fc.constantFrom(
  `${CRLF}--${boundary}--${CRLF}`,
  `${CRLF}--${boundary}--`,
  `${CRLF}--${boundary}-`,
  `--${boundary}--`,
  '',
  CRLF,
  '\0\0\0',
)

const part = fc.tuple(dispositions, extraHeaders, contents, separators).map(([disposition, extra, content, separator]) => {
  const headers = [disposition === '' ? '' : `Content-Disposition: ${disposition}`, extra].filter(Boolean).join(CRLF)
  return `${headers}${CRLF}${CRLF}${content}${separator}`
})

/** A body of random pieces, a valid form that is truncated or partly overwritten, or random bytes. */
const body = (valid: Buffer): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc
      .tuple(fc.array(part, { maxLength: 5 }), ends)
      .map(([parts, end]) => Buffer.from(`--${boundary}${CRLF}${parts.join('')}${end}`, 'latin1')),
    fc.integer({ min: 0, max: valid.byteLength - 3 }).map((at) => valid.subarray(0, at)),
    fc
      .tuple(fc.integer({ min: 0, max: 400 }), fc.uint8Array({ minLength: 1, maxLength: 8 }))
      .map(([at, bytes]) => Buffer.concat([valid.subarray(0, at), bytes, valid.subarray(at + bytes.byteLength)])),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  )

/** How HTTP frames the body: by its length, in chunks, or in contradictory ways. */
const framings: Record<string, (bytes: Buffer) => Buffer> = {
  length: (bytes) => Buffer.concat([Buffer.from(`Content-Length: ${bytes.byteLength}${CRLF}${CRLF}`), bytes]),
  chunks: (bytes) =>
    Buffer.concat([Buffer.from(`Transfer-Encoding: chunked${CRLF}${CRLF}`), ...chunked(bytes, 37), Buffer.from(`0${CRLF}${CRLF}`)]),
  tinyChunks: (bytes) =>
    Buffer.concat([
      Buffer.from(`Transfer-Encoding: chunked${CRLF}${CRLF}`),
      ...chunked(bytes.subarray(0, 300), 1),
      Buffer.from(`0${CRLF}${CRLF}`),
    ]),
  badChunk: (bytes) => Buffer.concat([Buffer.from(`Transfer-Encoding: chunked${CRLF}${CRLF}zz${CRLF}`), bytes]),
  both: (bytes) => Buffer.concat([Buffer.from(`Content-Length: 5${CRLF}Transfer-Encoding: chunked${CRLF}${CRLF}`), bytes]),
  twice: (bytes) => Buffer.concat([Buffer.from(`Content-Length: 5${CRLF}Content-Length: 6${CRLF}${CRLF}`), bytes]),
}

function chunked(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.byteLength; at += size) {
    const chunk = bytes.subarray(at, at + size)
    chunks.push(Buffer.from(`${chunk.byteLength.toString(16)}${CRLF}`), chunk, Buffer.from(CRLF))
  }
  return chunks
}

test(`${bodies} malformed forms get a 4xx each, and leave no row, object, socket or memory`, {
  meta: { id: 'malformed-forms' },
  timeout: 180_000,
}, async () => {
  const gateway = await startGateway({ filesPerHour: 100_000 })
  try {
    const client = new Client(gateway.url)
    const head = `POST /api/upload HTTP/1.1${CRLF}Host: x${CRLF}Authorization: Bearer ${await client.token()}${CRLF}Content-Type: multipart/form-data; boundary=${boundary}${CRLF}`
    const valid = Buffer.concat([
      Buffer.from(
        `--${boundary}${CRLF}Content-Disposition: form-data; name="asset_type"${CRLF}${CRLF}brand_image${CRLF}--${boundary}${CRLF}`,
      ),
      Buffer.from(`Content-Disposition: form-data; name="files"; filename="a.png"${CRLF}Content-Type: image/png${CRLF}${CRLF}`),
      (await logo()).bytes,
      Buffer.from(`${CRLF}--${boundary}--${CRLF}`),
    ])
    const statuses = new Map<number, number>()
    const send = async (bytes: Buffer, framing: string) => {
      const { status } = await exchange(gateway.url, Buffer.concat([Buffer.from(head), framings[framing]?.(bytes) ?? bytes]))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      // a change in an irrelevant place leaves a valid body
      if (status !== 202 && (status < 400 || status >= 500))
        throw new Error(
          `${framing}: ${status} for ${JSON.stringify(bytes.subarray(0, 300).toString('latin1'))}; ${whatFailed(gateway.log)}`,
        )
    }
    const cases = fc.sample(fc.tuple(body(valid), fc.constantFrom(...Object.keys(framings))), { numRuns: bodies, seed })
    const heapBefore = getHeapStatistics().used_heap_size
    for (let at = 0; at < cases.length; at += 8) await Promise.all(cases.slice(at, at + 8).map(([bytes, framing]) => send(bytes, framing)))

    expect([...statuses.values()].reduce((sum, n) => sum + n, 0)).toBe(bodies)
    expect(statuses.get(400) ?? 0).toBeGreaterThan(bodies / 2)
    await gateway.leavesNothing()
    await expect.poll(() => connections(gateway), { timeout: 15_000 }).toBe(0)
    expect(getHeapStatistics().used_heap_size - heapBefore).toBeLessThan(80 * 1024 * 1024)
  } finally {
    await gateway.close()
  }
})

/** The gateway's log entry of the last request that failed. */
function whatFailed(log: readonly Record<string, unknown>[]): string {
  return JSON.stringify(log.findLast(({ msg }) => msg === 'request failed') ?? null)
}

function connections({ gateway }: Awaited<ReturnType<typeof startGateway>>): Promise<number> {
  return new Promise((resolve, reject) => gateway.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))))
}
