import { MiB } from '@airlock/domain'
import { s3ObjectStore } from '@airlock/storage'
import { FaultyLink, isolatedBucket } from '@airlock/testkit'
import { storeOptions } from '@airlock/testkit/airlock'
import { expect, test } from 'vitest'
import { answerOf, Client, padded, photo, scene, startGateway } from '../gateway.ts'

const project = '0190a000-0000-7000-8000-000000000001'

/** A form whose video arrives in pieces of 1 MiB with a pause after each: a part of 5 MiB takes longer than two health checks. */
async function slowVideo(pauseMs: number, pieces: number): Promise<ReadableStream<Uint8Array>> {
  const film = padded((await scene()).bytes, pieces * MiB)
  const field = (name: string, value: string) => Buffer.from(`--cut\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
  async function* form() {
    yield field('asset_type', 'generated_video')
    yield field('project_id', project)
    yield Buffer.from('--cut\r\nContent-Disposition: form-data; name="files"; filename="film.mp4"\r\nContent-Type: video/mp4\r\n\r\n')
    for (let at = 0; at < film.byteLength; at += MiB) {
      yield film.subarray(at, at + MiB)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    yield Buffer.from('\r\n--cut--\r\n')
  }
  return ReadableStream.from(form())
}

test.for([1400, 4000])(
  'with a LIST that takes %i ms, no upload is aborted, new ones are accepted, and the store counts as connected',
  { meta: { id: 'slow-list-cuts-nothing' }, timeout: 60_000 },
  async (delayMs) => {
    const bucket = await isolatedBucket()
    const link = new FaultyLink(bucket.endpoint)
    const store = s3ObjectStore({ ...storeOptions(bucket), endpoint: await link.open(), callTimeoutMs: 10_000 })
    const isList = /^GET \S+[?&]list-type=2/
    link.fails({ request: isList, kind: { delayMs } })
    const gateway = await startGateway({ store })
    try {
      const uploads = Array.from({ length: 5 }, async () => {
        const headers = { ...(await new Client(gateway.url).headers()), 'content-type': 'multipart/form-data; boundary=cut' }
        return answerOf(
          await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers, body: await slowVideo(600, 12), duplex: 'half' }),
        )
      })
      const all = Promise.all(uploads)
      let ended = false
      void all.finally(() => {
        ended = true
      })
      const small = await photo()
      const others: string[] = []
      while (!ended) {
        others.push(`upload ${(await new Client(gateway.url).pictures(small)).status}`)
        const { body } = await answerOf(await fetch(`${gateway.url}/health/ready`))
        others.push(`store ${body.dependencies.s3.status}`)
      }

      expect((await all).map(({ status }) => status)).toEqual([202, 202, 202, 202, 202])
      expect(new Set(others)).toEqual(new Set(['upload 202', 'store connected']))
      expect(link.requests.filter((line) => isList.test(line)).length, 'the health check is a LIST').toBeGreaterThan(0)
      expect(gateway.log.filter(({ msg }) => msg === 'server unavailable')).toEqual([])
    } finally {
      await gateway.close()
      await link.close()
    }
  },
)
