import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import type { FileToSend } from './files.ts'

/** Faster than the slowest pace that a gateway allows (`UPLOAD_MIN_BYTES_PER_SECOND`), and not by much. */
const bytesPerSecond = 1200
const everyMs = 250

/** What a gateway must have read of a file before it gives it a permit (the head that is judged). */
const headBytes = 8192

/**
 * Opens uploads that send the head of their file and then crawl, as one user who wants to hold everything would.
 *
 * @returns ends them
 */
export async function openSlowCrowd(gateway: string, token: string, files: readonly FileToSend[]): Promise<() => void> {
  const uploads = await Promise.all(files.map((file) => openSlowUpload(gateway, token, file)))
  return () => {
    for (const close of uploads) close()
  }
}

async function openSlowUpload(gateway: string, token: string, file: FileToSend): Promise<() => void> {
  const boundary = 'slow-crowd'
  const upload: ClientRequest = request(`${gateway}/api/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': `multipart/form-data; boundary=${boundary}` },
  })
  upload.on('error', () => {}) // ended by the gateway, or by us: either may be
  upload.on('response', (response) => response.resume())
  const head = [
    `--${boundary}\r\ncontent-disposition: form-data; name="asset_type"\r\n\r\n${file.assetType}\r\n`,
    `--${boundary}\r\ncontent-disposition: form-data; name="files"; filename="${file.name}"\r\ncontent-type: ${file.mediaType}\r\n\r\n`,
  ]
  upload.write(head.join(''))
  upload.write(file.bytes.subarray(0, headBytes))
  let at = headBytes
  const crawl = setInterval(() => {
    const until = at + Math.ceil((bytesPerSecond * everyMs) / 1000)
    if (!upload.destroyed) upload.write(file.bytes.subarray(at, until))
    at = until
  }, everyMs)
  const close = () => {
    clearInterval(crawl)
    upload.destroy()
  }
  await Promise.race([once(upload, 'socket'), once(upload, 'close')])
  return close
}
