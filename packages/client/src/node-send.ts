import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { Readable } from 'node:stream'
import type { Send } from './http.ts'

/** Bytes after which the progress is reported. */
const writeBytes = 2 ** 16

/** `fetch` does not report how much of a body is sent. */
export const send: Send = (url, { onSent, ...request }) => {
  const { method, headers, body, signal } = request
  if (onSent === undefined || !(body instanceof Blob)) return fetch(url, request)
  return new Promise((resolve, reject) => {
    const start = url.startsWith('https:') ? requestTls : requestPlain
    const sending = start(url, { method, headers: { ...headers, 'content-length': body.size }, signal })
    let sentBytes = 0
    let isAnswered = false
    sending.on('error', reject)
    sending.once('response', (incoming) => {
      isAnswered = true // perhaps before the body has been sent: then the rest is not, and the connection is of no use any more
      incoming.once('end', () => sentBytes < body.size && sending.destroy())
      resolve(responseOf(incoming))
    })
    const write = async () => {
      for await (const chunk of body.stream()) {
        for (let from = 0; from < chunk.length && !isAnswered && !sending.destroyed; from += writeBytes) {
          const bytes = chunk.subarray(from, from + writeBytes)
          await new Promise<void>((written) => sending.write(bytes, () => written()))
          sentBytes += bytes.length
          onSent(sentBytes)
        }
      }
      if (sentBytes === body.size) sending.end()
    }
    write().catch((error) => sending.destroy(error))
  })
}

function responseOf(incoming: IncomingMessage): Response {
  const headers = new Headers()
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) headers.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '')
  const status = incoming.statusCode ?? 0
  const isEmpty = status === 204 || status === 205 || status === 304
  if (isEmpty) incoming.resume()
  return new Response(isEmpty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>), { status, headers })
}
