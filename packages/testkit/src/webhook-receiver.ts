import { once } from 'node:events'
import http, { type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import https from 'node:https'
import { type AddressInfo, isIPv6 } from 'node:net'
import { testCertificate } from './certificate.ts'

/** A received message, independent of the response. */
export interface ReceivedMessage {
  /** Its `webhook-id`. */
  readonly id: string
  readonly headers: IncomingHttpHeaders
  readonly path: string
  /** The raw bytes, which are signed. */
  readonly body: string
}

/** Ends the response now, later or never. */
export type AnswerMessage = (response: ServerResponse, message: ReceivedMessage) => void

export interface ReceiverOptions {
  /** Default: 204. */
  readonly answer?: AnswerMessage
  readonly host?: string
  /** 0: any free port. */
  readonly port?: number
  /** Uses TLS with the certificate of the tests. */
  readonly tls?: boolean
}

export type WebhookReceiver = Awaited<ReturnType<typeof webhookReceiver>>

const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): AnswerMessage =>
  (response) =>
    response.writeHead(code, headers).end()

/** Common responses. */
export const answering = { status, never: (() => {}) as AnswerMessage }

/** Starts a webhook endpoint on this machine; the caller closes it. */
export async function webhookReceiver(options: ReceiverOptions = {}) {
  const { host = '127.0.0.1', port = 0, tls = false } = options
  let answer = options.answer ?? status(204)
  const messages: ReceivedMessage[] = []
  const server = tls ? https.createServer(testCertificate) : http.createServer()
  server.on('request', async (request: http.IncomingMessage, response: ServerResponse) => {
    const chunks = await request.toArray().catch(() => [])
    const message = {
      id: String(request.headers['webhook-id']),
      headers: request.headers,
      path: request.url ?? '',
      body: Buffer.concat(chunks).toString(),
    }
    messages.push(message)
    answer(response, message)
  })
  await once(server.listen(port, host), 'listening')
  const own = (server.address() as AddressInfo).port
  return {
    url: `${tls ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${own}/hooks`,
    port: own,
    /** In order of arrival. */
    messages,
    /** Sets the response to later messages. */
    answers: (given: AnswerMessage): void => {
      answer = given
    },
    /** Closes open connections too. */
    close: async (): Promise<void> => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
