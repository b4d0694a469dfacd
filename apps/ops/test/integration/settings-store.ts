import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const noneCodes: Record<string, string> = {
  policy: 'NoSuchBucketPolicy',
  lifecycle: 'NoSuchLifecycleConfiguration',
  encryption: 'ServerSideEncryptionConfigurationNotFoundError',
  publicAccessBlock: 'NoSuchPublicAccessBlockConfiguration',
  cors: 'NoSuchCORSConfiguration',
}

export interface SettingsStore {
  readonly endpoint: string
  /** The settings of the bucket as they were put, by the name in the URL. */
  readonly settings: Map<string, string>
  /** Names of the settings that were put or deleted, in order. */
  readonly changes: string[]
  /** Headers of the last put. */
  headers: Record<string, unknown>
  /** Responds to requests for this setting with an error from now on. */
  refuse(setting: string, status: number, code: string): void
  /** Accepts puts of this setting without storing them. */
  forget(setting: string): void
  stop(): Promise<void>
}

/**
 * Stores and returns the settings of a bucket unchanged, as Amazon S3 does: no development store supports all of them, and a policy
 * for TLS can't be tested over plain HTTP.
 */
export async function settingsStore(): Promise<SettingsStore> {
  const settings = new Map<string, string>()
  const changes: string[] = []
  const refused = new Map<string, { status: number; code: string }>()
  const forgotten = new Set<string>()
  const store: Partial<SettingsStore> = { settings, changes, headers: {} }
  const server = createServer(async (request, response) => {
    const [setting = ''] = new URL(request.url ?? '', 'http://store').searchParams.keys()
    let body = ''
    for await (const chunk of request) body += chunk
    const error = refused.get(setting)
    const fail = (status: number, code: string) =>
      response.writeHead(status).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`)
    if (request.method === 'HEAD') response.writeHead(request.url?.includes('trial') ? 404 : 200).end()
    else if (error) fail(error.status, error.code)
    else if (request.method === 'GET')
      settings.has(setting) ? response.end(settings.get(setting)) : fail(404, noneCodes[setting] ?? 'NoSuchKey')
    else {
      changes.push(setting)
      store.headers = request.headers
      if (request.method === 'DELETE') settings.delete(setting)
      else if (!forgotten.has(setting)) settings.set(setting, body)
      response.writeHead(204).end()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(store, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refuse: (setting: string, status: number, code: string) => refused.set(setting, { status, code }),
    forget: (setting: string) => forgotten.add(setting),
    stop: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }) as SettingsStore
}
