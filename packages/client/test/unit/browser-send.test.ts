import { expect, onTestFinished, test } from 'vitest'
import { browser } from '../../src/browser.ts'

/** Answers each request at once. */
function stubXhr(answer: { status: number; responseText: string; headers: string }): void {
  class Answering {
    readonly status = answer.status
    readonly responseText = answer.responseText
    readonly upload = {}
    onload = () => {}
    open() {}
    setRequestHeader() {}
    getAllResponseHeaders = () => answer.headers
    send = () => queueMicrotask(() => this.onload())
  }
  Object.assign(globalThis, { XMLHttpRequest: Answering })
  onTestFinished(() => {
    Reflect.deleteProperty(globalThis, 'XMLHttpRequest')
  })
}

const send = () =>
  browser.send?.('http://airlock/', { method: 'PUT', headers: {}, body: '', signal: new AbortController().signal, onSent: () => {} })

test.for([200, 204, 205, 304, 500])('a response with the status %i to a request that reports progress arrives', async (status) => {
  stubXhr({ status, responseText: '', headers: 'x-request-id: a:b\r\n' })
  const response = await send()
  expect([response?.status, response?.headers.get('x-request-id'), await response?.text()]).toEqual([status, 'a:b', ''])
})

test('a response that can not be represented is an error', async () => {
  stubXhr({ status: 200, responseText: '', headers: 'no header name: \u0000' })
  await expect(send()).rejects.toThrow(TypeError)
})
