import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, type ClientRequest, createServer, type IncomingMessage, request as requestOf } from 'node:http'
import { crc32 } from 'node:zlib'
import { bucket, port, s3Settings } from './settings.ts'

/**
 * A program: the least that an upload with both checksums can cost. It sends the body of each request to the store while it is received, without parsing
 * it, and without keeping what a store that fails would need again.
 */

const agent = new Agent({ keepAlive: true })

createServer(async (request, response) => {
  try {
    const body = JSON.stringify(await forward(request))
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
  } catch {
    response.destroy() // the client or the store has closed the connection
  }
}).listen(port(), '127.0.0.1')

/** @returns the checksums of the body */
async function forward(request: IncomingMessage): Promise<{ sha256: string; crc32: number }> {
  const put = requestOf(`${s3Settings().endpoint}/${bucket()}/${randomUUID()}`, {
    method: 'PUT',
    agent,
    headers: { 'content-length': request.headers['content-length'] },
  })
  const answered = once(put, 'response') as Promise<[IncomingMessage]>
  const [checksums, [answer]] = await Promise.all([send(request, put), answered])
  await once(answer.resume(), 'end')
  return checksums
}

async function send(from: IncomingMessage, to: ClientRequest) {
  const hash = createHash('sha256')
  let crc = 0
  for await (const chunk of from) {
    hash.update(chunk)
    crc = crc32(chunk, crc)
    if (!to.write(chunk)) await once(to, 'drain')
  }
  to.end()
  return { sha256: hash.digest('hex'), crc32: crc }
}
