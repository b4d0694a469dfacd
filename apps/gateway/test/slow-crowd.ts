import type { Socket } from 'node:net'
import { type Client, photo } from './gateway.ts'
import { open } from './raw.ts'

/** Clients that send the beginning of a picture, and then a few bytes at a time, as slowly as the gateway permits. */
export interface SlowCrowd {
  /** The response on each connection so far, in the order of the connections. */
  answers(): string[]
  disperse(): void
}

/** The bytes that a slow client sends at once, and their interval: 1.2 kB a second. */
const drip = { bytes: 120, everyMs: 100 }

/**
 * Connects clients of one user to a gateway; each begins an upload and continues slowly.
 *
 * @param url of the gateway
 * @param client the user
 * @param options.count the number of uploads
 * @param options.goesOn false: they send enough to take a permit, and then nothing
 */
export async function slowCrowd(url: string, client: Client, { count, goesOn }: { count: number; goesOn: boolean }): Promise<SlowCrowd> {
  const head = `--cut\r\nContent-Disposition: form-data; name="files"; filename="slow.jpg"\r\n\r\n`
  const begun = (await photo()).bytes.subarray(0, 8000)
  const request = `POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await client.token()}\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: 5000000\r\n\r\n${head}`
  const answers: string[] = []
  const sockets: Socket[] = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const socket = await open(url)
      answers[i] = ''
      socket.on('data', (chunk: Buffer) => {
        answers[i] += chunk.toString('latin1')
      })
      socket.write(request)
      socket.write(begun)
      return socket
    }),
  )
  const dripping = setInterval(() => {
    if (goesOn) for (const socket of sockets) if (socket.writable) socket.write(Buffer.alloc(drip.bytes))
  }, drip.everyMs)
  return {
    answers: () => answers,
    disperse: () => {
      clearInterval(dripping)
      for (const socket of sockets) socket.destroy()
    },
  }
}
