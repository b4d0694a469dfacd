import { randomUUID } from 'node:crypto'
import { Upload } from '@aws-sdk/lib-storage'
import multipart from '@fastify/multipart'
import { fastify } from 'fastify'
import { bucket, port, s3Client } from './settings.ts'

/** A program: Fastify with @fastify/multipart and lib-storage, as their READMEs show it. */

const client = s3Client()
const app = fastify()
await app.register(multipart, { limits: { fileSize: 1024 * 1024 * 1024, files: 3 } })

app.post('/upload', async (request) => {
  const stored: unknown[] = []
  for await (const { file, mimetype } of request.files()) {
    const key = randomUUID()
    const upload = new Upload({ client, params: { Bucket: bucket(), Key: key, Body: file, ContentType: mimetype } })
    const { ETag } = await upload.done()
    stored.push({ key, size: file.bytesRead, etag: ETag })
  }
  return stored
})

/** What a response costs that does nothing. */
app.get('/empty', async () => ({ status: 'completed', asset_id: randomUUID() }))

await app.listen({ host: '127.0.0.1', port: port() })
