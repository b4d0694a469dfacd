import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'

/**
 * A program: an S3 that discards the bytes of all objects, so that a benchmark measures the service before it rather than a disk.
 *
 * It remembers sizes, and the content of the objects of @tus/s3-store that it reads back: those with a description, and incomplete parts. It checks no signatures. It listens on 127.0.0.1, at the port of
 * its first argument.
 */

/** More are forgotten, the oldest first, so that a long run does not fill the memory. */
const maxRemembered = 20_000

interface StoredObject {
  readonly sizeBytes: number
  readonly headers: Readonly<Record<string, string>>
  readonly content?: Buffer
}

const objects = new Map<string, StoredObject>()
const uploads = new Map<string, { key: string; headers: Record<string, string>; parts: Map<number, number> }>()

const etag = '"d41d8cd98f00b204e9800998ecf8427e"'
const modified = new Date().toUTCString()

const remember = <T>(all: Map<string, T>, key: string, value: T): void => {
  const [oldest] = all.size < maxRemembered ? [] : all.keys()
  if (oldest !== undefined) all.delete(oldest)
  all.set(key, value)
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: Buffer
}

const xml = (status: number, text: string): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${text}`),
})

const missing = (code: string): Answer => xml(404, `<Error><Code>${code}</Code><Message>Not here</Message></Error>`)

/** The headers that a client sets on an object and gets back with it. */
const keptHeaders = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      /^(x-amz-meta-.*|content-type|cache-control|x-amz-server-side-encryption)$/.test(name) ? [[name, String(value)]] : [],
    ),
  )

/** Reads a body to its end. @returns its length in bytes without the framing of aws-chunked */
async function discard(request: IncomingMessage): Promise<number> {
  let received = 0
  for await (const chunk of request) received += (chunk as Buffer).length
  return Number(request.headers['x-amz-decoded-content-length'] ?? received)
}

const handlers: Readonly<Record<string, (exchange: Exchange) => Promise<Answer> | Answer>> = {
  PUT: put,
  POST: post,
  GET: get,
  HEAD: head,
  DELETE: remove,
}

interface Exchange {
  readonly request: IncomingMessage
  /** The path, which is the bucket and the key. */
  readonly key: string
  readonly query: URLSearchParams
}

async function put({ request, key, query }: Exchange): Promise<Answer> {
  const source = request.headers['x-amz-copy-source']
  const upload = uploads.get(query.get('uploadId') ?? '')
  if (source !== undefined) {
    await discard(request)
    const from = objects.get(`/${decodeURIComponent(String(source)).replace(/^\//, '')}`)
    const name = upload === undefined ? 'CopyObjectResult' : 'CopyPartResult'
    if (upload !== undefined) upload.parts.set(Number(query.get('partNumber')), 0)
    else remember(objects, key, { sizeBytes: from?.sizeBytes ?? 0, headers: keptHeaders(request) })
    return xml(200, `<${name}><ETag>${etag}</ETag><LastModified>${new Date().toISOString()}</LastModified></${name}>`)
  }
  if (upload !== undefined) {
    upload.parts.set(Number(query.get('partNumber')), await discard(request))
    return { status: 200, headers: { etag } }
  }
  const headers = keptHeaders(request)
  if (/\.(info|part)$/.test(key)) {
    const content = await buffer(request)
    remember(objects, key, { sizeBytes: content.length, headers, content })
  } else remember(objects, key, { sizeBytes: await discard(request), headers })
  const { 'x-amz-server-side-encryption': encryption } = headers
  return { status: 200, headers: { etag, ...(encryption !== undefined && { 'x-amz-server-side-encryption': encryption }) } }
}

async function post({ request, key, query }: Exchange): Promise<Answer> {
  await discard(request)
  if (query.has('uploads')) {
    const id = randomUUID()
    remember(uploads, id, { key, headers: keptHeaders(request), parts: new Map() })
    return xml(200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
  }
  if (query.has('delete')) return xml(200, '<DeleteResult/>')
  const id = query.get('uploadId') ?? ''
  const upload = uploads.get(id)
  if (upload === undefined) return missing('NoSuchUpload')
  uploads.delete(id)
  const sizeBytes = upload.parts.values().reduce((sum, size) => sum + size, 0)
  remember(objects, key, { sizeBytes, headers: upload.headers })
  return xml(200, `<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`)
}

function get({ key, query }: Exchange): Answer {
  const upload = uploads.get(query.get('uploadId') ?? '')
  if (upload !== undefined) {
    const parts = [...upload.parts].map(
      ([number, size]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag><Size>${size}</Size></Part>`,
    )
    return xml(200, `<ListPartsResult><IsTruncated>false</IsTruncated>${parts.join('')}</ListPartsResult>`)
  }
  if (query.has('list-type')) return xml(200, '<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>')
  if (query.has('uploads')) return xml(200, '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>')
  const object = objects.get(key)
  if (object?.content === undefined) return missing(query.has('uploadId') ? 'NoSuchUpload' : 'NoSuchKey')
  return { status: 200, headers: { ...object.headers, etag, 'last-modified': modified }, body: object.content }
}

function head({ key }: Exchange): Answer {
  if (key.split('/').length < 3) return { status: 200 }
  const object = objects.get(key)
  if (object === undefined) return { status: 404 }
  return { status: 200, headers: { ...object.headers, etag, 'last-modified': modified, 'content-length': object.sizeBytes } }
}

function remove({ key, query }: Exchange): Answer {
  if (query.has('uploadId')) uploads.delete(query.get('uploadId') ?? '')
  else objects.delete(key)
  return { status: 204 }
}

const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://store')
  const handle = handlers[request.method ?? '']
  try {
    const { status, headers, body } = (await handle?.({ request, key: decodeURIComponent(pathname), query: searchParams })) ?? {
      status: 405,
    }
    response.writeHead(status, { 'content-length': body?.length ?? 0, ...headers }).end(body)
  } catch {
    response.destroy() // the client has closed the connection
  }
})
server.listen(Number(process.argv[2]), '127.0.0.1')
