/** Example responses by the name of their schema; a test validates each against that schema. */
const ids = {
  upload: '01a20cae-48f5-70a1-b14e-c3b2f66954cc',
  asset: 'e85e3e41-0816-4040-ac7c-1f9bc90e920d',
  user: '0198c0de-0000-7000-8000-000000000001',
  project: '0198c0de-0000-7000-8000-000000000002',
  brand: '0198c0de-0000-7000-8000-000000000003',
}

const hash = '2ccdcc79c02b8c968c14bbc0c00e2813b4e1fcac325b316a9af9fed6beee7156'
const s3Key = `brand-images/${ids.user}/1795509078_f66954cc_logo.png`
const moment = '2026-11-24T08:31:18.273Z'

const upload = {
  index: 0,
  upload_id: ids.upload,
  job_id: ids.upload,
  status: 'queued',
  status_url: `/api/jobs/${ids.upload}`,
  filename: 'logo.png',
  asset_type: 'brand_image',
  size_bytes: 8137,
  mime_type: 'image/png',
  content_hash: hash,
  created_at: moment,
}

const refusedFile = {
  index: 1,
  filename: 'empty.png',
  code: 'empty_file',
  error: 'Empty file',
  detail: "File 'empty.png' has 0 bytes.",
}

const provenance = {
  present: true,
  state: 'trusted',
  content: 'bound',
  generator: 'Example Image Maker 2.1',
  digital_source_type: 'trainedAlgorithmicMedia',
  ai_generated: true,
  signer: 'Example Studio Ltd',
  signed_at: '2026-11-24T08:30:59Z',
}

const job = {
  job_id: ids.upload,
  status: 'completed',
  progress: 1,
  attempts: 1,
  filename: 'logo.png',
  asset_type: 'brand_image',
  size_bytes: 8137,
  asset_id: ids.asset,
  error: null,
  metadata: { order: 4711 },
  provenance,
  created_at: moment,
  updated_at: '2026-11-24T08:31:18.460Z',
}

const asset = {
  asset_id: ids.asset,
  s3_url: `s3://zapcut-dev/${s3Key}`,
  original_filename: 'logo.png',
  size_bytes: 8137,
  mime_type: 'image/png',
  asset_type: 'brand_image',
  project_id: null,
  brand_id: null,
  content_hash: hash,
  metadata: { order: 4711 },
  provenance,
  created_at: '2026-11-24T08:31:18.452Z',
}

const url = {
  presigned_url: `https://s3.eu-central-1.amazonaws.com/zapcut-dev/${s3Key}?X-Amz-Expires=86400&X-Amz-Signature=…`,
  expiration_at: '2026-11-25T08:31:18.000Z',
}

const capability = 'cap_Rk1t0qzN4mO7J0bVfYx3l2cSgU8wEa6hPdIyTnQ5r9A'
const uploadPath = `/api/uploads/${ids.upload}`

const storeUrl = {
  url: `https://s3.eu-central-1.amazonaws.com/zapcut-dev/quarantine/${ids.upload}?X-Amz-Expires=900&X-Amz-SignedHeaders=content-length%3Bhost&X-Amz-Signature=…`,
  headers: {},
  expires_at: '2026-11-24T08:46:18.000Z',
}

const openUpload = {
  ...{ index: 0, upload_id: ids.upload, job_id: ids.upload, capability },
  multipart: { part_size_bytes: 16_777_216, part_count: 128 },
  ...{ parts_url: `${uploadPath}/parts`, complete_url: `${uploadPath}/complete`, status_url: `/api/jobs/${ids.upload}` },
  expires_at: '2026-11-25T08:31:18.273Z',
}

const event = {
  type: 'upload.completed',
  timestamp: '2026-11-24T08:31:18.455Z',
  data: {
    event_id: 'a9754906-7ec6-48fd-b273-2db2a7f6986d',
    upload_id: ids.upload,
    sequence: 1,
    user_id: ids.user,
    asset_id: ids.asset,
    s3_key: s3Key,
    asset_type: 'brand_image',
    project_id: null,
    brand_id: null,
    filename: 'logo.png',
    mime_type: 'image/png',
    size_bytes: 8137,
    content_hash: hash,
    facts: { width: 256, height: 256, frames: 1 },
    provenance,
    metadata: { order: 4711 },
  },
}

const connected = { status: 'connected', latency_ms: 5 }

export const examples: Readonly<Record<string, unknown>> = {
  UploadAnswer: { uploads: [upload], rejected: [refusedFile] },
  OpenRequest: {
    asset_type: 'lora_training',
    brand_id: ids.brand,
    files: [{ filename: 'set.zip', mime_type: 'application/zip', size_bytes: 2_147_483_648, sha256: hash }],
    metadata: { order: 4711 },
  },
  SignRequest: {
    request: { method: 'POST', key: 'uppy-set/zip-1e-application/zip-2147483648' },
    part_size_bytes: 16_777_216,
    upload: {
      asset_type: 'lora_training',
      brand_id: ids.brand,
      files: [{ filename: 'set.zip', mime_type: 'application/zip', size_bytes: 2_147_483_648 }],
    },
  },
  SignedRequest: { url: `${uploadPath}/s3`, key: ids.upload, headers: { Authorization: `Bearer ${capability}` } },
  OpenAnswer: { uploads: [openUpload], rejected: [refusedFile] },
  PartsRequest: { numbers: [1, 2] },
  SignedParts: { parts: [{ number: 1, size_bytes: 16_777_216, ...storeUrl }] },
  StoredParts: {
    part_size_bytes: 16_777_216,
    part_count: 128,
    parts: [{ number: 1, size_bytes: 16_777_216, etag: '"5ccbbb7f657ec2dc31d4cd6e86d16edb"' }],
  },
  CompletedUploads: { uploads: [{ ...upload, content_hash: null }], rejected: [] },
  AcceptedVideo: {
    ...{ upload_id: ids.upload, job_id: ids.upload, status: 'queued', status_url: `/api/jobs/${ids.upload}` },
    ...{ filename: 'final cut.mp4', asset_type: 'generated_video', size_bytes: 109367, mime_type: 'video/mp4' },
    ...{ content_hash: null, created_at: moment },
  },
  VideoRequest: {
    user_id: ids.user,
    project_id: ids.project,
    source: { bucket: 'renders', key: 'project 7/final cut.mp4' },
    filename: 'final cut.mp4',
    metadata: { scene: 7 },
    priority: 'interactive',
  },
  Job: job,
  JobEvent: { id: '3', event: 'job', data: JSON.stringify(job) },
  UnknownJobs: { unknown: [ids.project] },
  JobList: { jobs: [job], unknown: [], next_cursor: null },
  Asset: asset,
  Provenance: provenance,
  DeclaredOrigin: { generator: 'ComfyUI', digital_source_type: null, ai_generated: true },
  AssetList: { assets: [asset], next_cursor: null },
  PresignedAsset: { ...asset, ...url },
  ProductImageChoice: { asset_ids: [ids.asset, '6b7500e0-4489-48d1-a6b6-fc28adcf4ca1'] },
  ProductImages: {
    brand_id: ids.brand,
    product_images: [{ asset_id: ids.asset, s3_key: s3Key, s3_url: asset.s3_url, ...url, original_filename: 'logo.png' }],
  },
  Event: event,
  EventPage: { events: [event], next: 'WzEsImE5NzU0OTA2LTdlYzYtNDhmZC1iMjczLTJkYjJhN2Y2OTg2ZCJd' },
  Health: { status: 'ok', dependencies: { database: connected, redis: connected, s3: connected } },
}
