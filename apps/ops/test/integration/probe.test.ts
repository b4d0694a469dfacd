import { once } from 'node:events'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { givenStack, isolatedBucket } from '@airlock/testkit'
import { GetObjectCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { probeCommand } from '../../src/commands/probe/index.ts'

interface Report {
  usable: boolean
  capabilities: { capability: string; result: string; remark: string; needed: boolean }[]
}

async function run(...args: string[]) {
  const printed = { out: [] as string[], err: [] as string[] }
  const io = { env: {}, out: (text: string) => printed.out.push(text), err: (text: string) => printed.err.push(text) }
  const exitCode = await probeCommand.run(args, io)
  return { exitCode, out: printed.out.join('\n'), err: printed.err.join('\n') }
}

const report = ({ out }: { out: string }): Report => JSON.parse(out)
const resultsOf = ({ capabilities }: Report) => Object.fromEntries(capabilities.map(({ capability, result }) => [capability, result]))

describe('on the store of the test run', () => {
  const { s3 } = givenStack()
  const place = ['--endpoint', s3.endpoint, '--access-key', s3.accessKeyId, `--secret-key=${s3.secretAccessKey}`, '--region', s3.region]

  test('all required features work, and no bucket of the probe is left', async () => {
    const { endpoint, region, accessKeyId, secretAccessKey } = s3
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
    const probeBuckets = async () => {
      const { Buckets = [] } = await client.send(new ListBucketsCommand({}))
      return Buckets.map(({ Name = '' }) => Name).filter((name) => name.startsWith('airlock-probe'))
    }
    const before = await probeBuckets()

    const outcome = await run(...place, '--json')

    expect(outcome.exitCode).toBe(0)
    const { usable, capabilities } = report(outcome)
    expect(usable).toBe(true)
    expect(capabilities.filter(({ needed, result }) => needed && result !== 'ok')).toEqual([])
    expect(resultsOf(report(outcome))).toMatchObject({
      'presigned PUT of a part, and a list of parts': 'ok',
      'a presigned PUT of another length is refused': 'ok',
      'a part after Complete is refused': 'ok',
      'If-None-Match: * on a presigned PUT, checked when it ends': 'ok',
    })
    expect((await probeBuckets()).filter((name) => !before.includes(name))).toEqual([])
    client.destroy()
  }, 60_000)

  test('it leaves no objects in a given bucket, and does not change its settings', async () => {
    const bucket = await isolatedBucket()
    try {
      const outcome = await run(...place, '--bucket', bucket.bucket, '--json')

      expect(outcome.exitCode).toBe(0)
      expect(resultsOf(report(outcome))).toMatchObject({ 'bucket policies': 'skipped', 'multipart upload': 'ok' })
      expect(await bucket.keys()).toEqual([])
      expect(await bucket.openMultipartUploads()).toEqual([])
    } finally {
      await bucket.drop()
    }
  }, 60_000)

  test('a wrong secret is reported at once', async () => {
    const args = ['--endpoint', s3.endpoint, '--access-key', s3.accessKeyId, '--secret-key', 'wrong']

    await expect(run(...args)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' })
  })
})

describe('on a store whose links never expire', () => {
  const { s3 } = givenStack()
  const { endpoint, region, accessKeyId, secretAccessKey } = s3
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  /** The store of this run, except that it accepts presigned URLs with any signature and age, and knows no `If-None-Match`. */
  const lenient = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', endpoint)
    if (request.method === 'GET' && searchParams.has('X-Amz-Signature')) {
      const [, bucket, ...key] = pathname.split('/').map(decodeURIComponent)
      client.send(new GetObjectCommand({ Bucket: bucket, Key: key.join('/') })).then(
        ({ Body }) => (Body as Readable).pipe(response),
        () => response.writeHead(404).end(),
      )
      return
    }
    const { method, url } = request
    const { 'if-none-match': _, ...headers } = request.headers
    const forwarded = forward(new URL(url ?? '', endpoint), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    forwarded.on('error', () => response.destroy())
    request.pipe(forwarded)
  })
  beforeAll(async () => {
    await once(lenient.listen(0, '127.0.0.1'), 'listening')
  })
  afterAll(() => {
    lenient.close()
    lenient.closeAllConnections()
    client.destroy()
  })

  test('the report names the missing feature as required', async () => {
    const { port } = lenient.address() as AddressInfo
    const { exitCode, out, err } = await run(
      ...['--endpoint', `http://127.0.0.1:${port}`, '--region', region],
      ...['--access-key', accessKeyId, `--secret-key=${secretAccessKey}`],
    )

    expect(exitCode).toBe(1)
    expect(err).toMatch(/^Probing http:\/\/127\.0\.0\.1:\d+/)
    expect(out).toMatch(/^multipart upload +ok$/m)
    expect(out).toMatch(/^presigned URLs expire \(checked with 1 s\) +missing +answers 200 after/m)
    expect(out).toMatch(/^If-None-Match: \* on a presigned PUT, checked when it ends +missing/m)
    expect(out).toMatch(/Airlock can't run on this store: it needs 'presigned URLs expire \(checked with 1 s\)', 'tampered presigned/)
  }, 60_000)
})
