import { createServer } from 'node:http'
import { MiB } from '@airlock/domain'
import { s3ObjectStore } from '@airlock/storage'

/** A process that stores the body of each request. It sends its parent its port, and at the end its measurements. */
const { endpoint, bucket, accessKeyId, secretAccessKey, encryption } = JSON.parse(process.argv[2] ?? '{}')

const store = s3ObjectStore({
  bucket,
  region: 'us-east-1',
  endpoint,
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey },
  encryption,
  checksums: 'when_supported',
  callTimeoutMs: 60_000,
  multipartCopyFromBytes: 100 * MiB,
  serverSideCopy: true,
})

const server = createServer(async (request, response) => {
  const key = `quarantine${request.url}`
  if (request.method === 'DELETE') await store.purge(key)
  else await store.receive(key, request, { nonce: 'bench' })
  response.end()
})

const before = { rss: 0, cpu: process.cpuUsage() }
let peak = 0
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss)
}, 5)

process.on('message', (message) => {
  if (message === 'begin') {
    before.rss = process.memoryUsage().rss
    before.cpu = process.cpuUsage()
    peak = before.rss
    process.send?.({ begun: true })
  } else {
    const { user, system } = process.cpuUsage(before.cpu)
    process.send?.({ cpuMs: (user + system) / 1000, peakMiB: peak / MiB, addedMiB: (peak - before.rss) / MiB }, () => process.exit())
  }
})

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.send?.({ port: address.port })
})
