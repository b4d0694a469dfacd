import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Metrics in the text format of Prometheus. */
export interface Metrics {
  readonly contentType: string
  /** Renders the current values. */
  text(): Promise<string>
}

export interface MetricsServer {
  readonly port: number
  /** Ends all connections. */
  close(): Promise<void>
}

/** A scraper sends little, on few connections. */
const limits = { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 60_000, connectionsCheckingInterval: 5000 } as const
const maxConnections = 100

/**
 * Serves `/metrics` alone on a separate port, so that the port for clients need not serve it.
 *
 * @param address.port 0 chooses a free one
 * @throws Error when the port is in use
 */
export async function serveMetrics(metrics: Metrics, address: { host: string; port: number }): Promise<MetricsServer> {
  const server = createServer(limits, (request, response) => void answer(metrics, request, response))
  server.maxConnections = maxConnections
  server.listen(address)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function answer(metrics: Metrics, { method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!/^\/metrics(\?|$)/.test(url ?? '')) return reply(response, 404, 'not found: /metrics is all that this port serves\n')
  if (method !== 'GET' && method !== 'HEAD') return reply(response, 405, 'only GET\n')
  try {
    reply(response, 200, await metrics.text(), metrics.contentType)
  } catch {
    reply(response, 500, 'the metrics could not be read\n')
  }
}

function reply(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType }).end(text)
}
