import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../src/command.ts'
import { inspectCommand } from '../../src/commands/inspect/index.ts'
import { jobsCommand } from '../../src/commands/jobs/index.ts'
import { accepts, type OpsServers, openOpsServers, parks } from '../servers.ts'

const shop = 'shop.example.com#00000001'

let servers: OpsServers

beforeAll(async () => {
  servers = await openOpsServers()
})
afterAll(() => servers.close())
beforeEach(async () => {
  await servers.empty()
  await servers.sql.query('truncate ops_log')
})

const inspect = (args: string[], env: Record<string, string> = {}) => servers.runs(inspectCommand, args, { env })

const found = async (...args: string[]) => {
  const { code, out } = await inspect([...args, '--json'])
  return { code, ...JSON.parse(out) }
}

/** An upload that has become an asset, whose event an endpoint refused. @returns the ids of both */
async function completes(): Promise<{ id: string; assetId: string }> {
  const { database, store, sql } = servers
  const { uploads, assets, eventRelay, webhooks } = database
  await webhooks.register([shop])
  const id = await accepts(servers)
  const attempt = await uploads.claim(id, { leaseSeconds: 60 })
  if (!attempt.claimed) throw new Error('not claimed')
  await uploads.complete(attempt.claim, { mediaType: 'image/png', facts: { width: 640 } })
  const asset = await assets.ofUpload(id)
  if (asset === null) throw new Error('no asset')
  await store.receive(asset.s3Key, Readable.from([Buffer.from('final')], { objectMode: false }), { nonce: id })
  await store.purge(`quarantine/${id}`)
  await eventRelay.place({ limit: 100 })
  await webhooks.fanOut(shop, { limit: 100 })
  await sql.query(`update webhook_deliveries set attempts = 3, last_error = 'answered 500' || chr(27) || '[2J'`)
  return { id, assetId: asset.id }
}

test('inspect shows a parked upload with its fault, the times of its moves, its bytes, events and changes by operators', async () => {
  const id = await parks(servers, { filename: 'a\u001b[2J\u202eb.png' })
  await servers.runs(jobsCommand, ['retry', id, '--reason', 'ticket\u001b[2J 7'])

  const { code, out, err } = await inspect([id.toUpperCase()])

  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(new RegExp(`^Upload ${id}\n {2}state +received\n`))
  for (const line of [
    / {2}kind +brand_image, lane images$/m,
    / {2}door +form$/m,
    / {2}file +a\ufffd\[2J\ufffdb\.png$/m,
    / {2}attempts +1, 0 of them handed back$/m,
    / {2}last fault +S3 answered 500$/m,
    /^Moves\n {2}registered +\S+Z\n {2}accepted +\S+Z\n {2}claimed last +\S+Z\n/m,
    new RegExp(`^Objects\n {2}quarantine +5 bytes, written \\S+Z\n +quarantine/${id}\n {2}final +does not exist\n`, 'm'),
    /^ {2}\S+Z +none yet +upload\.parked +\S{36}$/m,
    new RegExp(`^ {2}\\S+Z +retry +\\S+@${hostname().slice(0, 10)}.* ticket\ufffd\\[2J 7\n {4}\\{"`, 'm'),
  ])
    expect(out).toMatch(line)
  for (const control of ['\u001b', '\u202e']) expect(out).not.toContain(control)
})

test('inspect finds the upload of an asset, with its deliveries and their last failure', async () => {
  const { id, assetId } = await completes()

  const { code, found: stories, has_more } = await found(assetId)

  expect({ code, has_more, count: stories.length }).toEqual({ code: 0, has_more: false, count: 1 })
  const [story] = stories
  expect(story).toMatchObject({
    upload_id: id,
    upload: { state: 'completed', attempts: 1, completed_at: expect.any(String), lease_until: null },
    objects: [
      { place: 'quarantine', exists: false, size_bytes: null },
      { place: 'final', key: story.asset.s3_key, exists: true, size_bytes: 5 },
    ],
    asset: { id: assetId },
    events: [{ type: 'upload.completed', sequence: 1, position: expect.any(Number) }],
    deliveries: [{ endpoint: shop, event_id: story.events[0].id, state: 'pending', attempts: 3, last_error: 'answered 500\u001b[2J' }],
    ops_log: [],
  })
  const { out } = await inspect([id])
  expect(out).toMatch(/^ {2}shop\.example\.com#00000001 +\d+ +pending +3 +\S+Z\n {4}answered 500\ufffd\[2J$/m)
  expect(out).toMatch(new RegExp(`^Asset ${assetId}$`, 'm'))
})

test('inspect finds all uploads of a request, within the time', async () => {
  const ids = [await accepts(servers), await parks(servers)]
  await accepts(servers)
  const request = 'req 7; drop'
  await servers.sql.query('update uploads set request_id = $1 where id = any($2)', [request, ids])

  const { code, found: stories } = await found(request)
  expect({ code, ids: stories.map((story: { upload_id: string }) => story.upload_id).sort() }).toEqual({ code: 0, ids: ids.sort() })
  expect(stories[0].upload.request_id).toBe(request)

  expect(await found(request, '--since', '2100-01-01T00:00:00Z')).toEqual({ code: 1, found: [], has_more: false })
})

test('of an upload whose row is gone inspect shows what is left', { meta: { id: 'inspect-row-gone' } }, async () => {
  const { id, assetId } = await completes()
  await servers.sql.query('delete from uploads where id = $1', [id])

  expect(await found(id)).toMatchObject({ code: 0, found: [{ upload_id: id, upload: null, asset: { id: assetId }, events: [{}] }] })
  expect((await inspect([assetId])).out).toMatch(/^Upload \S+\n {2}no row: /)
})

test('while S3 is unavailable inspect shows the rest, with exit code 1', { meta: { id: 'inspect-store-unavailable' } }, async () => {
  const id = await accepts(servers)

  const { code, out } = await inspect([id], { S3_ENDPOINT: 'http://127.0.0.1:1' })

  expect(code).toBe(1)
  expect(out).toMatch(/ {2}state +received\n/)
  expect(out).toMatch(/ {2}quarantine +unknown: \S/)
})

test('inspect reports an id that nothing has', async () => {
  const id = randomUUID()
  expect(await inspect([id])).toMatchObject({ code: 1, out: '', err: expect.stringContaining(id) })
  expect((await inspect(['\u001b[2J'])).err).not.toContain('\u001b')
  for (const args of [[], [id, id], ['x'.repeat(201)], [id, '--since', 'monday']])
    await expect(inspect(args)).rejects.toBeInstanceOf(UsageError)
})
