import { setTimeout as pause } from 'node:timers/promises'
import type { FileToSend } from '../../../tools/start/client.ts'

export interface SlowUploadOptions {
  /** The gateway's `/api/upload`. */
  readonly url: string
  readonly token: string
  /** From the first byte to the last. */
  readonly ms: number
  /** Called once, with half of the bytes on their way. */
  readonly atHalf: () => void
}

const pieces = 20

/** Sends a file as somebody with a slow line does. @returns the gateway's answer */
export async function slowUpload(
  { filename, mediaType, bytes, fields }: FileToSend,
  { url, token, ms, atHalf }: SlowUploadOptions,
): Promise<Response> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  form.set('files', new File([bytes], filename, { type: mediaType }))
  const encoded = new Response(form)
  const contentType = encoded.headers.get('content-type') ?? ''
  const body = await encoded.bytes()

  async function* dribble(): AsyncGenerator<Uint8Array> {
    const length = Math.ceil(body.byteLength / pieces)
    for (let piece = 0; piece < pieces; piece++) {
      yield body.subarray(piece * length, (piece + 1) * length)
      if (piece === pieces / 2) atHalf()
      await pause(ms / pieces)
    }
  }

  return fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
    body: ReadableStream.from(dribble()),
    duplex: 'half',
    signal: AbortSignal.timeout(ms + 30_000),
  })
}
