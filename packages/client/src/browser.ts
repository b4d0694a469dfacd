import type { Send } from './http.ts'
import type { Platform } from './platform.ts'

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
  return new Promise((resolve, reject) => {
    const { method, headers, body, signal } = request
    const xhr = new XMLHttpRequest()
    xhr.open(method, url)
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
    xhr.upload.onprogress = ({ loaded }) => onSent(loaded)
    xhr.onload = () => {
      const received = xhr.getAllResponseHeaders().trim().split('\r\n')
      const pairs = received.map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string])
      resolve(new Response(xhr.status === 204 ? null : xhr.responseText, { status: xhr.status, headers: pairs.filter(([name]) => name) }))
    }
    xhr.onerror = () => reject(new TypeError('The connection failed'))
    xhr.onabort = () => reject(signal.reason)
    signal.addEventListener('abort', () => xhr.abort(), { once: true })
    xhr.send(body)
  })
}

export const browser: Platform = {
  send,
  openPath: async () => {
    throw new TypeError('a browser can only upload a File or a Blob')
  },
}
