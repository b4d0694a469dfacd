import type { Send } from './http.ts'
import type { Memory, OpenUpload, Platform, Source } from './platform.ts'
import { sha256 } from './sha256.ts'

/** The part of XMLHttpRequest that is used here: the types of browsers are not available where this package is compiled. */
declare const XMLHttpRequest: new () => {
  readonly status: number
  readonly responseText: string
  readonly upload: { onprogress: (event: { readonly loaded: number }) => void }
  onload: () => void
  onerror: () => void
  onabort: () => void
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  getAllResponseHeaders(): string
  send(body: Blob | string | null): void
  abort(): void
}

/** `fetch` does not report how much of a body is sent. */
const send: Send = (url, { onSent, ...request }) => {
  if (onSent === undefined || typeof XMLHttpRequest === 'undefined') return fetch(url, request)
  const { method, headers, body, signal } = request
  const answered = new Promise<InstanceType<typeof XMLHttpRequest>>((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open(method, url)
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
    xhr.upload.onprogress = ({ loaded }) => onSent(loaded)
    xhr.onload = () => resolve(xhr)
    xhr.onerror = () => reject(new TypeError('The connection failed'))
    xhr.onabort = () => reject(signal.reason)
    signal.addEventListener('abort', () => xhr.abort(), { once: true })
    xhr.send(body)
  })
  // here, so that a response that can't be made is an error, and not an exception in a listener
  return answered.then((xhr) => {
    const { status, responseText } = xhr
    const received = xhr.getAllResponseHeaders().trim().split('\r\n')
    const pairs = received.map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string])
    return new Response(/204|205|304/.test(`${status}`) ? null : responseText, { status, headers: pairs.filter(([name]) => name) })
  })
}

interface Request<Result> {
  readonly result: Result
  readonly error: unknown
  onsuccess: () => void
  onerror: () => void
}

interface ObjectStore {
  get(key: string): Request<OpenUpload | undefined>
  put(value: OpenUpload, key: string): Request<unknown>
  delete(key: string): Request<unknown>
  count(): Request<number>
  clear(): Request<unknown>
}

interface Database {
  createObjectStore(name: string): void
  transaction(name: string, mode: string): { objectStore(name: string): ObjectStore }
  close(): void
}

declare const indexedDB: { open(name: string): Request<Database> & { onupgradeneeded: () => void } }

const ended = <Result>(request: Request<Result>): Promise<Result> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

const storeName = 'uploads'

/** Uploads that nobody continues leave their records. When there are so many, all are forgotten: those that run are only not continued after a reload. */
const mostUploads = 200

/** Opens the database for one access: an open connection would block its deletion by another tab. */
async function inDatabase<Result>(access: (store: ObjectStore) => Request<Result>): Promise<Result> {
  const opening = indexedDB.open('@airlock/client')
  opening.onupgradeneeded = () => opening.result.createObjectStore(storeName)
  const database = await ended(opening)
  try {
    return await ended(access(database.transaction(storeName, 'readwrite').objectStore(storeName)))
  } finally {
    database.close()
  }
}

const memory: Memory = {
  get: async (key) => (await inDatabase((store) => store.get(key))) ?? null,
  set: async (key, upload) => {
    if ((await inDatabase((store) => store.count())) >= mostUploads) await inDatabase<unknown>((store) => store.clear())
    await inDatabase<unknown>((store) => (upload === null ? store.delete(key) : store.put(upload, key)))
  },
}

interface HashingWorker {
  onmessage: (event: { readonly data: string }) => void
  onerror: (event: unknown) => void
  postMessage(blob: Blob): void
  terminate(): void
}

declare const Worker: new (url: string) => HashingWorker

/** In a worker, so that the page stays responsive; on the page if its policy permits no worker from a `blob:` URL. */
const hash = ({ blob = new Blob([]) }: Source, signal: AbortSignal): Promise<string> =>
  inWorker(blob, signal).catch((error) => (signal.aborted ? Promise.reject(error) : sha256(blob)))

async function inWorker(blob: Blob, signal: AbortSignal): Promise<string> {
  const program = `const sha256 = ${sha256}; onmessage = async ({ data }) => postMessage(await sha256(data))`
  const url = URL.createObjectURL(new Blob([program], { type: 'text/javascript' }))
  const worker = new Worker(url)
  return new Promise<string>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = reject
    signal.addEventListener('abort', reject)
    worker.postMessage(blob)
  }).finally(() => {
    worker.terminate()
    URL.revokeObjectURL(url)
  })
}

export const browser: Platform = {
  send,
  memory,
  hash,
  openPath: async () => {
    throw new TypeError('a browser can only upload a File or a Blob')
  },
}
