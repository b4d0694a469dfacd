import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { s3ObjectStore } from '@airlock/storage'
import { FaultyLink } from '@airlock/testkit'
import { storeOptions } from '@airlock/testkit/airlock'
import { type dot, freeBox, samples } from '@airlock/testkit/samples'
import { test as gatewayTest, type Overrides, type RunningGateway, startGateway } from '../../../apps/gateway/test/gateway.ts'
import { Airlock } from '../src/node.ts'

/** A worker beside the gateway; every file passes inspection. */
async function work(gateway: RunningGateway, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    for (const { id, state } of await gateway.uploads()) if (state === 'received') await gateway.promotes(id)
    await wait(20)
  }
}

/** A gateway, a client of it, and, for tests that name it, a worker. */
export const test = gatewayTest
  .extend(
    'airlock',
    async ({ gateway, client }) => new Airlock({ baseUrl: gateway.url, token: () => client.token(), retry: { forMs: 5000, firstMs: 20 } }),
  )
  .extend('worker', async ({ gateway }, { onCleanup }) => {
    const ended = new AbortController()
    const working = work(gateway, ended.signal)
    onCleanup(async () => {
      ended.abort()
      await working
    })
    return undefined
  })

export const fileOf = ({ bytes, filename, declaredType: type }: typeof dot) => new File([new Uint8Array(bytes)], filename, { type })

export interface Linked {
  readonly link: FaultyLink
  readonly url: string
  close(): Promise<void>
}

/** A gateway beside another one, whose store, for it and for clients, is behind a link that may fail. */
export async function linkedGateway(gateway: RunningGateway, overrides: Overrides = {}): Promise<Linked> {
  const link = new FaultyLink(gateway.bucket.endpoint)
  const store = s3ObjectStore({ ...storeOptions(gateway.bucket), endpoint: await link.open() })
  const beside = await startGateway({ store, ...overrides }, gateway)
  const close = async () => {
    await beside.close()
    await link.close()
  }
  return { link, url: beside.url, close }
}

/** With a linked gateway, where parts have 5 MiB. */
export const linkedTest = test.extend('linked', async ({ gateway }, { onCleanup }): Promise<Linked> => {
  const linked = await linkedGateway(gateway)
  onCleanup(linked.close)
  return linked
})

/** The fields of a video that goes straight to the bucket. */
export const directVideo = { assetType: 'generated_video', projectId: '0198c0de-0000-7000-8000-0000000000aa', door: 'direct' } as const

/** A video of three parts, whose last bytes are random. */
export const longVideo = (): Buffer =>
  Buffer.concat([samples.scene.bytes, freeBox('', 12 * 2 ** 20), freeBox(randomBytes(8).toString('hex'))])

export const partPut = (number: number) => new RegExp(`^PUT .*partNumber=${number}\\b`)

/** The numbers of the parts that were sent. */
export const putsOf = ({ requests }: FaultyLink): number[] =>
  requests.flatMap((line) => /^PUT .*partNumber=(\d+)/.exec(line)?.[1] ?? []).map(Number)

export const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
