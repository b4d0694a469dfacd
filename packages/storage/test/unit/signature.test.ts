import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test, vi } from 'vitest'
import { signedHeaders } from '../../src/s3/signature.ts'

interface SentBySdk {
  readonly path: string
  readonly query: Record<string, string>
  readonly headers: Record<string, string>
}

/** A request as the SDK would send it. */
async function sentBySdk(key: string, credentials: object): Promise<SentBySdk> {
  const sent = Promise.withResolvers<SentBySdk>()
  const handle = async (request: SentBySdk) => {
    sent.resolve(request)
    throw new Error('not sent')
  }
  const client = new S3Client({
    region: 'eu-central-1',
    endpoint: 'http://store.example.com:8333',
    forcePathStyle: true,
    credentials: credentials as { accessKeyId: string; secretAccessKey: string },
    maxAttempts: 1,
    requestHandler: { handle, metadata: { handlerProtocol: 'http/1.1' } } as never,
  })
  onTestFinished(() => client.destroy())
  const command = new PutObjectCommand({
    Bucket: 'b',
    Key: key,
    Body: Buffer.from('bytes'),
    Metadata: { nonce: 'a  b' },
    ContentType: 'image/png',
  })
  client.send(command).catch(() => {})
  return sent.promise
}

test.for([{}, { sessionToken: 'a+b/c==' }])("a signature equals the SDK's, with credentials %j", async (session) => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-12-03T23:59:59.999Z') })
  onTestFinished(() => void vi.useRealTimers())
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', ...session }
  for (const key of ['quarantine/1', "a b/it's (1)!*.png", 'Grüße/写真.png']) {
    const { path, query, headers } = await sentBySdk(key, credentials)
    const names = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? []
    const bodyHash = headers['x-amz-content-sha256'] ?? ''

    const signed = signedHeaders(
      { method: 'PUT', path, query, bodyHash, headers: Object.fromEntries(names.map((name) => [name, headers[name] ?? ''])) },
      { credentials, region: 'eu-central-1', date: new Date() },
    )

    expect(names).toContain('host')
    expect(signed.authorization).toBe(headers.authorization)
  }
})
