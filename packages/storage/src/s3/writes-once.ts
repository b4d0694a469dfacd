import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { sleep } from '@airlock/async'
import type { ObjectStore, PresignedWrite } from '../object-store.ts'
import { StoreUnavailable } from '../store-errors.ts'
import { purge } from './objects.ts'
import type { StoreDeps } from './store-deps.ts'

/** How long the store has to read the headers of the first PUT before the second one begins, in ms. */
const headStartMs = 200

/**
 * See `ObjectStore.writesOnce`. Two PUTs to a key without an object: the second one ends while the first is still being sent. A store that checks the
 * condition only at the beginning of a request would let the first one replace the object.
 *
 * @param presignWrite with the address that this process uses, which may differ from that of clients
 */
export async function writesOnce(deps: StoreDeps, key: string, presignWrite: ObjectStore['presignWrite']): Promise<boolean> {
  const begin = async () =>
    beginPut(await presignWrite(key, { sizeBytes: 2, expiresInSeconds: 60, onlyIfAbsent: true }), key, deps.options.callTimeoutMs)
  try {
    const first = await begin()
    first.write('a')
    await sleep(headStartMs)
    const second = await begin()
    second.write('b')
    const status = await second.end('b')
    return status === 200 && isRefusal(await first.end('a'))
  } finally {
    await purge(deps, key)
  }
}

/** S3 answers 409 when the other write is still in progress. */
const isRefusal = (status: number): boolean => status === 412 || status === 409

/** A PUT whose body is sent piece by piece. */
function beginPut({ url, headers }: PresignedWrite, key: string, timeoutMs: number) {
  const send = url.startsWith('https:') ? requestHttps : requestHttp
  const request = send(url, { method: 'PUT', headers: { ...headers, 'content-length': '2' }, signal: AbortSignal.timeout(timeoutMs) })
  const answered = statusOf(request, key)
  answered.catch(() => {}) // `end` throws it
  return {
    write: (text: string) => void request.write(text),
    end: (text: string) => {
      request.end(text)
      return answered
    },
  }
}

async function statusOf(request: ClientRequest, key: string): Promise<number> {
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode ?? 0
  } catch (cause) {
    throw new StoreUnavailable('PutObject: no answer to a presigned request', key, { cause })
  }
}
