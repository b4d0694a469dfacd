// uses a client of openapi-typescript: docs/http-api.md, "A client from the contract"
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import createClient from 'openapi-fetch'
import type { components, paths } from './airlock.js'

const { AIRLOCK_URL = '', AIRLOCK_TOKEN = '', AIRLOCK_PICTURE = '' } = process.env
const airlock = createClient<paths>({ baseUrl: AIRLOCK_URL, headers: { authorization: `Bearer ${AIRLOCK_TOKEN}` } })

const picture = new Blob([await readFile(AIRLOCK_PICTURE)], { type: 'image/png' })

/** The generated types represent files as strings; so the form is built manually. */
const sent = await airlock.POST('/api/upload', {
  params: { header: { prefer: 'wait=20', 'idempotency-key': crypto.randomUUID() } },
  body: { files: [''], asset_type: 'brand_image', metadata: '{"order": 4711}' },
  bodySerializer: ({ asset_type, metadata }) => {
    const form = new FormData()
    form.append('asset_type', asset_type)
    if (metadata !== undefined) form.append('metadata', metadata)
    form.append('files', picture, 'logo.png')
    form.append('files', new Blob([]), 'empty.png')
    return form
  },
})
assert.equal(sent.response.status, 200, JSON.stringify(sent.error))
const [upload] = sent.data?.uploads ?? []
assert(upload !== undefined)
assert.equal(upload.index, 0)
assert.deepEqual(
  sent.data?.rejected.map(({ index, code }) => ({ index, code })),
  [{ index: 1, code: 'empty_file' }],
)

const job = await airlock.GET('/api/jobs/{id}', { params: { path: { id: upload.job_id } } })
assert.equal(job.data?.status, 'completed')
assert.equal(job.data?.metadata?.order, 4711)

const several = await airlock.GET('/api/jobs', { params: { query: { ids: [upload.job_id, crypto.randomUUID()] } } })
assert.equal(several.data?.jobs.length, 1)
assert.equal(several.data?.unknown.length, 1)

const page = await airlock.GET('/api/jobs', { params: { query: { status: 'completed', limit: 1 } } })
assert.equal(page.data?.jobs.length, 1)

const assetId: string | null = job.data?.asset_id ?? null
assert(assetId !== null)
const asset = await airlock.GET('/api/assets/{id}/presigned', { params: { path: { id: assetId }, query: { expiration_hours: 1 } } })
assert(asset.data !== undefined)
assert.equal((await (await fetch(asset.data.presigned_url)).arrayBuffer()).byteLength, picture.size)

const feed = await airlock.GET('/api/events', { params: { query: { types: ['upload.completed', 'upload.rejected'] } } })
const events: components['schemas']['Event'][] = feed.data?.events ?? []
for (const event of events) {
  if (event.type === 'upload.completed') assert.equal(typeof event.data.asset_id, 'string')
  if (event.type === 'upload.rejected') assert.equal(typeof event.data.error.code, 'string')
}
assert(events.some(({ data }) => data.upload_id === upload.upload_id))

const nothing = await airlock.GET('/api/jobs/{id}', { params: { path: { id: crypto.randomUUID() } } })
assert.equal(nothing.error?.code, 'job_not_found')

const gone = await airlock.DELETE('/api/assets/{id}', { params: { path: { id: assetId } } })
assert.equal(gone.response.status, 204)
process.stdout.write('ok\n')
