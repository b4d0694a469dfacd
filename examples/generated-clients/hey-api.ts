// uses a client of @hey-api/openapi-ts: docs/http-api.md, "A client from the contract"
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { client } from './airlock/client.gen.js'
import { deleteAsset, followJob, getJob, listEvents, listJobs, presignAsset, uploadFiles } from './airlock/index.js'

const { AIRLOCK_URL = '', AIRLOCK_TOKEN = '', AIRLOCK_PICTURE = '' } = process.env
client.setConfig({ baseUrl: AIRLOCK_URL, auth: () => AIRLOCK_TOKEN })

const picture = new File([await readFile(AIRLOCK_PICTURE)], 'logo.png', { type: 'image/png' })

const sent = await uploadFiles({ body: { asset_type: 'brand_image', metadata: '{"order": 4711}', files: [picture] } })
assert.equal(sent.response?.status, 202, JSON.stringify(sent.error))
const [upload] = sent.data?.uploads ?? []
assert(upload !== undefined)

const { stream } = await followJob({ path: { id: upload.job_id } })
const seen: string[] = []
for await (const event of stream) if (!('data' in event)) seen.push(event.status)
assert.equal(seen.at(-1), 'completed')

const job = await getJob({ path: { id: upload.job_id } })
assert.equal(job.data?.metadata?.order, 4711)

const several = await listJobs({ query: { ids: [upload.job_id, crypto.randomUUID()] } })
assert.equal(several.data?.jobs.length, 1)
assert.equal(several.data?.unknown.length, 1)

const assetId: string | null = job.data?.asset_id ?? null
assert(assetId !== null)
const asset = await presignAsset({ path: { id: assetId }, query: { expiration_hours: 1 } })
assert(asset.data !== undefined)
assert.equal((await (await fetch(asset.data.presigned_url)).arrayBuffer()).byteLength, picture.size)

const feed = await listEvents({ query: { types: ['upload.completed'], limit: 1000 } })
const mine = feed.data?.events.find(({ data }) => data.upload_id === upload.upload_id)
assert(mine?.type === 'upload.completed')
assert.equal(mine.data.asset_id, assetId)

const nothing = await getJob({ path: { id: crypto.randomUUID() } })
assert.equal(nothing.error?.code, 'job_not_found')

assert.equal((await deleteAsset({ path: { id: assetId } })).response?.status, 204)
process.stdout.write('ok\n')
