import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { sha256, someBytes, streamOf } from './bytes.ts'
import type { Bench } from './store-under-test.ts'

export function presignContract(bench: Bench): void {
  describe('presign', () => {
    const bytes = someBytes(10_000)
    const received = async (key: string) => {
      await bench.store.receive(key, streamOf(bytes), { nonce: 'n' })
      return key
    }

    test('the URL returns the bytes', async () => {
      const { url, expiresAt } = await bench.store.presign(await received('final/shared'), { expiresInSeconds: 60 })

      const response = await fetch(url)

      expect(response.status).toBe(200)
      expect(sha256(await response.bytes())).toBe(sha256(bytes))
      expect(expiresAt.getTime()).toBeGreaterThan(Date.now() + 40_000)
      expect(expiresAt.getTime()).toBeLessThanOrEqual(Date.now() + 60_000)
    })

    test('a range of the bytes can be requested, as video players do', async () => {
      const { url } = await bench.store.presign(await received('final/ranged'), { expiresInSeconds: 60 })

      const response = await fetch(url, { headers: { range: 'bytes=100-199' } })

      expect(response.status).toBe(206)
      expect(sha256(await response.bytes())).toBe(sha256(bytes.subarray(100, 200)))
    })

    test('the URL is refused without its signature', { meta: { id: 'presigned-url-needs-signature' } }, async () => {
      const { url } = await bench.store.presign(await received('final/unsigned'), { expiresInSeconds: 60 })
      const { origin, pathname } = new URL(url)
      const withoutSignature = new URL(url)
      withoutSignature.searchParams.delete('X-Amz-Signature')

      for (const address of [`${origin}${pathname}`, withoutSignature]) {
        for (const method of ['GET', 'HEAD']) {
          const response = await fetch(address, { method })
          expect([400, 401, 403]).toContain(response.status)
          expect(await response.text()).not.toContain(bytes.subarray(0, 100).toString('latin1'))
        }
      }
      expect((await fetch(url)).status).toBe(200)
    })

    test('the URL expires at the stated time', { meta: { id: 'presigned-url-expires' } }, async () => {
      const { url, expiresAt } = await bench.store.presign(await received('final/short-lived'), { expiresInSeconds: 1 })

      await sleep(expiresAt.getTime() - Date.now() + 1_100)

      const response = await fetch(url)
      expect(response.status).toBe(403)
      expect(await response.text()).not.toContain(bytes.subarray(0, 100).toString('latin1'))
    })

    const tampering = [
      { what: 'another key', tamper: (url: URL) => (url.pathname = url.pathname.replace('final/tampered', 'final/other')) },
      { what: 'a longer lifetime', tamper: (url: URL) => url.searchParams.set('X-Amz-Expires', '600') },
      { what: 'another signature', tamper: (url: URL) => url.searchParams.set('X-Amz-Signature', '0'.repeat(64)) },
      { what: 'another disposition', tamper: (url: URL) => url.searchParams.set('response-content-disposition', 'inline') },
    ]
    test.for(tampering)(
      'a URL that was changed to have $what is refused',
      { meta: { id: 'presigned-url-tampering' } },
      async ({ tamper }) => {
        await received('final/other')
        const { url } = await bench.store.presign(await received('final/tampered'), { expiresInSeconds: 60, filename: 'a.png' })
        const tampered = new URL(url)
        tamper(tampered)

        expect((await fetch(tampered)).status).toBe(403)
      },
    )

    const names = [
      { disposition: 'attachment' as const, filename: 'Bär & Söhne "2".png' },
      { disposition: 'inline' as const, filename: '写真.png' },
    ]
    test.for(names)('the response contains the file name: $filename', async ({ disposition, filename }) => {
      const { url } = await bench.store.presign(await received('final/named'), { expiresInSeconds: 60, disposition, filename })

      const header = (await fetch(url)).headers.get('content-disposition') ?? ''

      expect(header.startsWith(`${disposition}; filename="`)).toBe(true)
      expect(decodeURIComponent(header.split("filename*=UTF-8''")[1] ?? '')).toBe(filename)
    })
  })
}
