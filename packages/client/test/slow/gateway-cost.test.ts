import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { FaultyLink } from '@airlock/testkit'
import { tokenFor } from '@airlock/testkit/http'
import { freeBox, samples } from '@airlock/testkit/samples'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { jwtSecret, type Service, startServices } from '../../../../tests/services.ts'
import { Airlock } from '../../src/node.ts'

const MiB = 2 ** 20
const count = 8
const sizeBytes = 500 * MiB
const options = { assetType: 'generated_video', projectId: '0198c0de-0000-7000-8000-0000000000aa' } as const

const folder = mkdtempSync(join(tmpdir(), 'airlock-client-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The largest video that Airlock takes: a scene, then a box of free space with a number, then zeros. */
function largestVideo(number: number): string {
  const path = join(folder, `${number}.mp4`)
  const { bytes } = samples.scene
  const text = String(number)
  const box = freeBox(text)
  box.writeUInt32BE(sizeBytes - bytes.length)
  writeFileSync(path, Buffer.concat([bytes, box]))
  truncateSync(path, sizeBytes)
  return path
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: MiB }), hash)
  return hash.digest('hex')
}

/** CPU time that the process has used, in ms. */
async function cpuMs({ metricsUrl }: Service): Promise<number> {
  const metrics = await (await fetch(metricsUrl)).text()
  const seconds = /^process_cpu_seconds_total ([\d.]+)/m.exec(metrics)?.[1]
  if (seconds === undefined) throw new Error('the gateway does not report its CPU time')
  return Number(seconds) * 1000
}

const idleSeconds = 20

/** CPU time per second that the process uses while it has no requests, in ms. */
async function idleMsPerSecond(service: Service): Promise<number> {
  const from = await cpuMs(service)
  await wait(idleSeconds * 1000)
  return ((await cpuMs(service)) - from) / idleSeconds
}

/** Sends small videos: a gateway that has just started has compiled nothing yet. */
async function warmUp(airlockOf: (user: string) => Airlock): Promise<void> {
  const file = new File([new Uint8Array(samples.scene.bytes)], 'small.mp4', { type: 'video/mp4' })
  for (let round = 0; round < 25; round += 1) {
    const airlock = airlockOf(randomUUID())
    await Promise.all(Array.from({ length: 8 }, () => airlock.upload(file, { ...options, door: 'direct' })))
  }
}

/** The gateway signs URLs and completes uploads; it must not cost what the bytes cost. */
test(`${count} videos of ${sizeBytes / MiB} MiB go past the gateway, and cost it < 50 ms each`, { timeout: 900_000 }, async ({
  annotate,
}) => {
  const services = await startServices({ DIRECT_PUT_MAX_BYTES: '0' }) // also small files in parts, to warm up
  onTestFinished(services.close)
  const link = new FaultyLink(services.gateway.url)
  const baseUrl = await link.open()
  onTestFinished(() => link.close())
  const paths = Array.from({ length: count }, (_, number) => largestVideo(number))
  const hashes = await Promise.all(paths.map(hashOfFile))
  const airlockOf = (user: string) =>
    new Airlock({ baseUrl, token: () => tokenFor(user, jwtSecret), retry: { forMs: 60_000, firstMs: 500 } })
  await warmUp(airlockOf)
  const airlock = airlockOf(randomUUID())
  const idleBefore = await idleMsPerSecond(services.gateway)
  const from = await cpuMs(services.gateway)
  const [begun, bytesBefore] = [performance.now(), link.traffic.toServer]

  const assets = await Promise.all(paths.map((path) => airlock.upload(path, options)))

  const seconds = (performance.now() - begun) / 1000
  const used = (await cpuMs(services.gateway)) - from
  // the lower one: a gateway that is still compiling, or a machine that others load, must not hide the cost
  const idle = Math.min(idleBefore, await idleMsPerSecond(services.gateway)) * seconds
  const perFile = (used - idle) / count
  await annotate(
    `${seconds.toFixed(0)} s; gateway: ${link.traffic.toServer - bytesBefore} bytes in, ${perFile.toFixed(0)} ms of CPU a file (${(used / count).toFixed(0)} with what it uses while idle)`,
  )
  expect(assets.map(({ content_hash }) => content_hash)).toEqual(hashes)
  expect(link.traffic.toServer - bytesBefore).toBeLessThan(count * 64 * 1024)
  expect(perFile).toBeLessThan(50)
})
