import { expect, test } from 'vitest'
import { jobResult, PayloadMalformed, parseJobResult } from '../../src/index.ts'

const uploadId = '01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f'
const assetId = '5a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d'
const error = { code: 'type_mismatch', error: 'Not what it claims', detail: "File 'a.mp4' is a PNG." }

test('the result of a completed upload has an asset and no error', () => {
  const result = jobResult({ status: 'completed', uploadId, assetId, s3Url: 's3://zapcut-dev/generated-videos/p/1_a.mp4' })
  expect(result).toEqual({
    version: 1,
    upload_id: uploadId,
    status: 'completed',
    asset_id: assetId,
    s3_url: 's3://zapcut-dev/generated-videos/p/1_a.mp4',
    error: null,
  })
  expect(parseJobResult(result)).toEqual(result)
})

test.for(['rejected', 'failed'] as const)('the result of an upload that is %s has a reason and no asset', (status, { expect }) => {
  const result = jobResult({ status, uploadId, error })
  expect(result).toEqual({ version: 1, upload_id: uploadId, status, asset_id: null, s3_url: null, error })
  expect(parseJobResult(result)).toEqual(result)
})

test('unknown fields of a result are kept', () => {
  const result = { ...jobResult({ status: 'rejected', uploadId, error }), took_ms: 7 }
  expect(parseJobResult(result)).toEqual(result)
})

test.for([
  { what: 'nothing', data: null, message: /^job_result: must be object/ },
  {
    what: 'another version',
    data: { ...jobResult({ status: 'failed', uploadId, error }), version: 3 },
    message: /^job_result\/version: 3 is not supported/,
  },
  {
    what: 'a status that is not final',
    data: { ...jobResult({ status: 'failed', uploadId, error }), status: 'queued' },
    message: /^job_result\/status: /,
  },
])('a result that is $what is refused', ({ data, message }, { expect }) => {
  expect(() => parseJobResult(data)).toThrow(PayloadMalformed)
  expect(() => parseJobResult(data)).toThrow(message)
})
