import { expect, test } from 'vitest'
import { PayloadMalformed, parseProcessUpload, processUploadJob, queueLanes, queueNames, queuePrefix } from '../../src/index.ts'

const uploadId = '01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f'

test.for([
  { version: 1, upload_id: uploadId },
  { version: 1, upload_id: uploadId.toUpperCase() },
  { version: 1, upload_id: uploadId, request_id: 'req-1' },
  { version: 1, upload_id: uploadId, request_id: 'r'.repeat(128) },
])('the payload %j is parsed unchanged', (payload, { expect }) => {
  expect(parseProcessUpload(processUploadJob, payload)).toEqual(payload)
})

const malformed: { what: string; payload: unknown; message: RegExp }[] = [
  { what: 'nothing', payload: undefined, message: /process_upload: must be object/ },
  { what: 'null', payload: null, message: /process_upload: must be object/ },
  { what: 'a list', payload: [], message: /process_upload/ },
  { what: 'a text', payload: JSON.stringify({ version: 1, upload_id: uploadId }), message: /process_upload: must be object/ },
  { what: 'an empty object', payload: {}, message: /process_upload: must have required propert/ },
  { what: 'no version', payload: { upload_id: uploadId }, message: /process_upload: must have required propert.*version/ },
  { what: 'another version', payload: { version: 2, upload_id: uploadId }, message: /process_upload\/version: / },
  { what: 'a version as text', payload: { version: '1', upload_id: uploadId }, message: /process_upload\/version: / },
  { what: 'no upload', payload: { version: 1 }, message: /process_upload: must have required propert.*upload_id/ },
  { what: 'an upload id that is not a UUID', payload: { version: 1, upload_id: '../../etc' }, message: /process_upload\/upload_id: / },
  { what: 'a UUID followed by a line break', payload: { version: 1, upload_id: `${uploadId}\n` }, message: /process_upload\/upload_id: / },
  {
    what: 'a request id of 129 characters',
    payload: { version: 1, upload_id: uploadId, request_id: 'r'.repeat(129) },
    message: /process_upload\/request_id: /,
  },
  {
    what: 'a request id that is a number',
    payload: { version: 1, upload_id: uploadId, request_id: 7 },
    message: /process_upload\/request_id: /,
  },
  { what: 'an unknown field', payload: { version: 1, upload_id: uploadId, s3_key: 'x' }, message: /process_upload.*: / },
]

test.for(malformed)('a payload with $what is refused, and the error contains the position', ({ payload, message }, { expect }) => {
  expect(() => parseProcessUpload(processUploadJob, payload)).toThrow(PayloadMalformed)
  expect(() => parseProcessUpload(processUploadJob, payload)).toThrow(message)
})

test('a job with an unknown name is refused, and the error contains only a part of its name', () => {
  expect(() => parseProcessUpload('x'.repeat(500), { version: 1, upload_id: uploadId })).toThrow(
    new PayloadMalformed(`unknown job name '${'x'.repeat(80)}'`),
  )
})

test('queues and their prefix have the documented names', () => {
  expect(queueNames).toEqual({ images: 'airlock-images', videos: 'airlock-videos', training: 'airlock-training' })
  expect(queueLanes).toEqual(['images', 'videos', 'training'])
  expect(queuePrefix).toBe('{airlock}')
})
