import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { MiB } from '@airlock/domain'
import type { PresignedWrite, PresignWriteOptions } from '@airlock/storage'
import { describe, expect, test } from 'vitest'
import { bytesOf, sha256, someBytes } from './bytes.ts'
import type { Bench } from './store-under-test.ts'

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

async function put({ url, headers }: Pick<PresignedWrite, 'url' | 'headers'>, body: string | Uint8Array<ArrayBuffer>): Promise<number> {
  const response = await fetch(url, { method: 'PUT', headers, body })
  await response.arrayBuffer()
  return response.status
}

/** A PUT that sends its first byte now, and the rest when `end` is called. */
async function slowPut({ url, headers }: PresignedWrite, text: string) {
  const sending = request(url, { method: 'PUT', headers: { ...headers, 'content-length': String(text.length) } })
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>
  sending.write(text.slice(0, 1))
  await sleep(200)
  return async () => {
    sending.end(text.slice(1))
    const [response] = await answered
    response.resume()
    return response.statusCode ?? 0
  }
}

/** What a client without credentials can do with the URLs of the direct door, and what it can't (docs/direct-uploads.md). */
export function clientWriteContract(bench: Bench): void {
  const urlFor = (key: string, options: Partial<PresignWriteOptions> = {}) =>
    bench.store.presignWrite(key, { sizeBytes: 5, expiresInSeconds: 60, ...options })

  describe('a presigned PUT', () => {
    test('writes an encrypted object of exactly the signed length', async () => {
      const key = 'quarantine/put'
      expect(await put(await urlFor(key), 'abcde')).toBe(200)
      expect(await bench.store.head(key)).toMatchObject({ sizeBytes: 5, encryption: 'AES256' })
    })

    test.for(['abcd', 'abcdef', ''])('is refused with another length: %j', { meta: { id: 'presigned-put-length' } }, async (body) => {
      const key = `quarantine/length-${body.length}`
      expect(await put(await urlFor(key), body)).toBe(403)
      expect(await bench.store.head(key)).toBeNull()
    })

    test('is refused with bytes of another hash, even if the client states that hash', { meta: { id: 'presigned-put-hash' } }, async () => {
      const key = 'quarantine/hashed'
      const write = await urlFor(key, { sha256: hashOf('abcde') })
      const other = createHash('sha256').update('abcdX').digest('base64')
      expect(await put(write, 'abcdX')).toBe(400)
      expect(await put({ ...write, headers: { ...write.headers, 'x-amz-checksum-sha256': other } }, 'abcdX')).toBe(403)
      expect(await bench.store.head(key)).toBeNull()
      expect(await put(write, 'abcde')).toBe(200)
    })

    test('never replaces an object, not even if it began before that object existed', { meta: { id: 'presigned-put-once' } }, async () => {
      const key = 'quarantine/once'
      const late = await slowPut(await urlFor(key, { onlyIfAbsent: true }), 'later')
      const write = await urlFor(key, { onlyIfAbsent: true })
      expect(await put(write, 'first')).toBe(200)
      const { etag } = (await bench.store.head(key)) ?? {}

      expect(await put(write, 'again')).toBe(412)
      expect(await put({ ...write, headers: {} }, 'again')).toBe(403)
      expect([409, 412]).toContain(await late())
      expect((await bench.store.head(key))?.etag).toBe(etag)
    })

    test('of ten at once, one writes', async () => {
      const key = 'quarantine/ten'
      const writes = Array.from({ length: 10 }, async (_, i) => put(await urlFor(key, { onlyIfAbsent: true }), `abcd${i}`))
      expect((await Promise.all(writes)).filter((status) => status === 200)).toHaveLength(1)
    })

    test('the store is found to enforce this, and nothing is left of the check', async () => {
      expect(await bench.store.writesOnce('quarantine/check')).toBe(true)
      expect(await bench.store.head('quarantine/check')).toBeNull()
    })
  })

  describe('an object in parts', () => {
    const begin = async (key: string) => {
      const address = { key, uploadId: await bench.store.beginParts(key, { nonce: 'n' }) }
      const urlOf = (number: number, sizeBytes: number) => urlFor(key, { sizeBytes, part: { uploadId: address.uploadId, number } })
      return {
        address,
        urlOf,
        send: async (number: number, bytes: Uint8Array<ArrayBuffer>) => put(await urlOf(number, bytes.length), bytes),
      }
    }
    const first = new Uint8Array(someBytes(5 * MiB))
    const last = new Uint8Array(someBytes(1000))

    test('has the bytes of its parts, whatever their order', async () => {
      const key = 'quarantine/parts'
      const { address, send } = await begin(key)
      expect(await bench.store.arrivedParts(address)).toEqual([])
      expect(await send(2, last)).toBe(200)
      expect(await send(1, first)).toBe(200)
      const arrived = (await bench.store.arrivedParts(address)) ?? []
      expect(arrived).toMatchObject([
        { number: 1, sizeBytes: first.length },
        { number: 2, sizeBytes: 1000 },
      ])

      expect(await bench.store.completeParts(address, arrived)).toBe(true)

      const object = await bench.store.head(key)
      expect(object).toMatchObject({ sizeBytes: first.length + 1000, encryption: 'AES256', metadata: { nonce: 'n' } })
      const source = bench.store.source(key, object as { etag: string; sizeBytes: number })
      expect(sha256(await bytesOf(source))).toBe(sha256(Buffer.concat([first, last])))
    })

    test('a part that is sent twice is one part', async () => {
      const { address, send } = await begin('quarantine/replaced')
      await send(1, last)
      await send(1, new Uint8Array(someBytes(1000)).fill(7))
      const arrived = (await bench.store.arrivedParts(address)) ?? []
      expect(arrived).toMatchObject([{ number: 1, sizeBytes: 1000 }])
      const other = { number: 1, sizeBytes: 1000, etag: `"${'0'.repeat(32)}"` }
      expect(await bench.store.completeParts(address, [other])).toBe(false)
      expect(await bench.store.completeParts(address, arrived)).toBe(true)
    })

    test('a URL is for one part of exactly its length', { meta: { id: 'presigned-part-length' } }, async () => {
      const { address, urlOf } = await begin('quarantine/bound')
      const { url, headers } = await urlOf(1, 1000)
      expect(await put({ url, headers }, last.subarray(1))).toBe(403)
      expect(await put({ url: url.replace('partNumber=1', 'partNumber=2'), headers }, last)).toBe(403)
      expect(await bench.store.arrivedParts(address)).toEqual([])
      await bench.store.abandonReceives(address.key)
    })

    test('nothing can be added once it is complete', { meta: { id: 'late-part-after-complete' } }, async () => {
      const key = 'quarantine/closed'
      const { address, urlOf, send } = await begin(key)
      await send(1, last)
      const late = await slowPut(await urlOf(1, 5), 'later')
      await bench.store.completeParts(address, (await bench.store.arrivedParts(address)) ?? [])
      const object = await bench.store.head(key)

      expect(await send(1, last)).toBe(404)
      expect(await late()).toBe(404)
      expect(await bench.store.arrivedParts(address)).toBeNull()
      expect((await bench.store.head(key))?.etag).toBe(object?.etag)
      expect(await bench.store.abandonReceives(key)).toBe(0)
    })

    test('nothing is left of an aborted one', async () => {
      const key = 'quarantine/aborted'
      const { address, send } = await begin(key)
      await send(1, last)
      expect(await bench.store.abandonReceives(key)).toBe(1)
      expect(await send(1, last)).toBe(404)
      expect(await bench.store.completeParts(address, [{ number: 1, sizeBytes: 1000, etag: '"0"' }])).toBe(false)
      expect(await bench.store.head(key)).toBeNull()
    })
  })
}
