import multipart from '@fastify/multipart'
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { onParts, type PartHeaders } from '../../src/upload/part-events.ts'

const form = [
  ['Content-Disposition: form-data; name="files"; filename="a.png"', 'Content-Type: image/png', 'Content-Digest: sha-256=:x:'],
  ['Content-Type: text/plain'],
  ['Content-Disposition: form-data; name="field"', 'X-Odd: 1', 'X-Odd: 2'],
].map((headers) => `--b\r\n${headers.join('\r\n')}\r\n\r\ntext\r\n`)

/** Fails when a new version of `@fastify/multipart` or its parser no longer permits what `onParts` relies on. */
test('the headers of every part are available before the parser reads them, including skipped parts', async () => {
  let parts = 0
  const seen: PartHeaders[] = []
  const read: unknown[] = []
  const app = Fastify()
  await app.register(multipart)
  app.post('/', async (request) => {
    onParts(request.raw, {
      onPart: () => {
        parts += 1
      },
      onHeaders: (headers) => {
        seen.push({ ...headers })
        if (headers['x-odd']) headers['content-disposition'] = ['form-data; name="other"']
      },
    })
    for await (const part of request.parts()) {
      read.push(part.fieldname)
      if (part.type === 'file') await part.toBuffer()
    }
    return read
  })

  const response = await app.inject({
    method: 'POST',
    url: '/',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: `${form.join('')}--b--\r\n`,
  })

  expect(response.statusCode).toBe(200)
  expect(parts).toBe(3)
  expect(seen).toEqual([
    {
      'content-disposition': ['form-data; name="files"; filename="a.png"'],
      'content-type': ['image/png'],
      'content-digest': ['sha-256=:x:'],
    },
    { 'content-type': ['text/plain'] },
    { 'content-disposition': ['form-data; name="field"'], 'x-odd': ['1', '2'] },
  ])
  expect(read).toEqual(['files', 'other'])
  await app.close()
})

test('a form without a boundary is left to the parser, which refuses it', async () => {
  const app = Fastify()
  await app.register(multipart)
  app.post('/', async (request) => {
    onParts(request.raw, { onPart: () => {}, onHeaders: () => {} })
    for await (const part of request.parts()) expect(part).toBeUndefined()
  })

  const response = await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'multipart/form-data' }, body: 'x' })

  expect(response.json().message).toBe('Multipart: Boundary not found')
  await app.close()
})
