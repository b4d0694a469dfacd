import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '@airlock/dev-servers'
import type { FaultyLink } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { afterAll, expect, onTestFinished } from 'vitest'
import { chromiumInPath, openPage } from '../../../../tests/browser.ts'
import { Airlock } from '../../src/node.ts'
import { linkedGateway, test } from '../real-gateway.ts'

const GiB = 2 ** 30
const folder = mkdtempSync(join(tmpdir(), 'airlock-client-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A training set of 2 GiB, as far as the gateway judges it: zeros follow the archive. */
const path = join(folder, 'boats.zip')
writeFileSync(path, samples.boats.bytes)
truncateSync(path, 2 * GiB)

const options = { assetType: 'lora_training', brandId: '0198c0de-0000-7000-8000-0000000000bb' } as const
const direct = { openUploadsPerUser: 10, openBytesPerUser: 8 * GiB, openSeconds: 3600, urlSeconds: 900, partBytes: 2 ** 24, putMaxBytes: 0 }

/** Breaks the connection to the store for half a second when a quarter, a half and three quarters of the file are sent. */
function breaking(link: FaultyLink): (sentBytes: number) => void {
  const moments = [0.5 * GiB, GiB, 1.5 * GiB]
  return (sentBytes) => {
    if (sentBytes < (moments[0] ?? Number.POSITIVE_INFINITY)) return
    moments.shift()
    link.become({ kind: 'cut' })
    setTimeout(() => link.become({ kind: 'open' }), 500)
  }
}

test('a file of 2 GiB becomes an asset over a connection that breaks three times, in Node', { timeout: 1_800_000 }, async ({
  gateway,
  client,
  worker: _,
}) => {
  const { link, url, close } = await linkedGateway(gateway, { direct })
  onTestFinished(close)
  const airlock = new Airlock({ baseUrl: url, token: () => client.token() })
  const breakAt = breaking(link)
  let mostBytes = 0
  const onProgress = ({ sentBytes }: { sentBytes: number }) => {
    mostBytes = Math.max(mostBytes, process.memoryUsage().rss)
    breakAt(sentBytes)
  }
  const rssBefore = process.memoryUsage().rss

  const asset = await airlock.upload(path, { ...options, onProgress })

  expect(asset.size_bytes).toBe(2 * GiB)
  process.stderr.write(`memory of the program: ${Math.round((mostBytes - rssBefore) / 2 ** 20)} MiB more than before\n`)
  await airlock.assets.delete(asset.asset_id)
})

const main = `
  import { Airlock } from '@airlock/client'
  globalThis.uploadOne = (options, kind) => {
    const onProgress = ({ sentBytes }) => report(sentBytes)
    return new Airlock(options).upload(document.querySelector('#files').files[0], { ...kind, onProgress })
  }
`

test.skipIf(chromiumInPath() === null)(
  'a file of 2 GiB becomes an asset over a connection that breaks three times, in a page',
  { timeout: 1_800_000 },
  async ({ gateway, client, worker: _ }) => {
    const [port = 0] = await freePorts(1)
    const { link, url, close } = await linkedGateway(gateway, { direct, corsOrigins: [`http://127.0.0.1:${port}`] })
    onTestFinished(close)
    const page = await openPage({ 'main.js': main }, port)
    onTestFinished(page.close)
    await page.page.exposeFunction('report', breaking(link))
    await page.page.setInputFiles('#files', path)

    const asset = await page.page.evaluate(([given, kind]) => globalThis.uploadOne(given, kind), [
      { baseUrl: url, token: await client.token() },
      options,
    ] as const)

    expect(asset.size_bytes).toBe(2 * GiB)
    await new Airlock({ baseUrl: url, token: await client.token() }).assets.delete(asset.asset_id)
  },
)

declare global {
  var uploadOne: (
    given: { baseUrl: string; token: string },
    kind: object,
  ) => Promise<{ content_hash: string; asset_id: string; size_bytes: number }>
}
