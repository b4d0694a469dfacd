import { expect, test } from 'vitest'
import { generatedVideoJob, PayloadMalformed, parseGeneratedVideo, parseJob } from '../../src/index.ts'

const uploadId = '01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f'
const userId = '5a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d'
const projectId = 'c0ffee00-1234-4abc-9def-0123456789ab'
const key = `pipeline-inbox/${projectId}/${uploadId}.mp4`
const smallest = { version: 1, upload_id: uploadId, user_id: userId, project_id: projectId, key, filename: 'scene-1.mp4' }

test.for([
  smallest,
  { ...smallest, sha256: 'a0'.repeat(32), metadata: { scene: 1, final: false, tool: 'ffmpeg' }, priority: 'interactive' },
  { ...smallest, metadata: {}, priority: 'batch' },
  { ...smallest, filename: '😀'.repeat(255) },
  { ...smallest, filename: 'a' },
  { ...smallest, filename: 'renders/final/Szene 1 – Übersicht.mp4' },
  { ...smallest, metadata: { note: 'x'.repeat(4096 - '{"note":""}'.length) } },
])('the payload %j is parsed unchanged', (payload, { expect }) => {
  expect(parseGeneratedVideo(generatedVideoJob, payload)).toEqual(payload)
})

test('ids in upper case are the same ids, while the key is case-sensitive', () => {
  const shouted = {
    ...smallest,
    upload_id: uploadId.toUpperCase(),
    user_id: userId.toUpperCase(),
    project_id: projectId.toUpperCase(),
  }
  expect(parseGeneratedVideo(generatedVideoJob, shouted)).toEqual(smallest)
})

const without = (field: keyof typeof smallest) => Object.fromEntries(Object.entries(smallest).filter(([name]) => name !== field))

const malformed: { what: string; payload: unknown; message: RegExp }[] = [
  { what: 'nothing', payload: undefined, message: /^generated_video: must be object/ },
  { what: 'a list', payload: [smallest], message: /^generated_video: must be object/ },
  { what: 'a text', payload: JSON.stringify(smallest), message: /^generated_video: must be object/ },
  { what: 'no version', payload: without('version'), message: /^generated_video: must have required properties version/ },
  {
    what: 'a version of the future',
    payload: { ...smallest, version: 2, duration: 7 },
    message: /^generated_video\/version: 2 is not supported here, only 1; send that version, or update the Airlock/,
  },
  {
    what: 'a version as text',
    payload: { ...smallest, version: '1' },
    message: /^generated_video\/version: "1" is not supported here, only 1;/,
  },
  { what: 'no upload', payload: without('upload_id'), message: /^generated_video: must have required properties upload_id/ },
  { what: 'an upload id that is none', payload: { ...smallest, upload_id: '7' }, message: /^generated_video\/upload_id: .*\(a UUID\)/ },
  { what: 'no user', payload: without('user_id'), message: /^generated_video: must have required properties user_id/ },
  { what: 'a user that is not a UUID', payload: { ...smallest, user_id: 'ann' }, message: /^generated_video\/user_id: .*\(a UUID\)/ },
  { what: 'no project', payload: without('project_id'), message: /^generated_video: must have required properties project_id/ },
  { what: 'a project that is not a UUID', payload: { ...smallest, project_id: '../x' }, message: /^generated_video\/project_id: / },
  { what: 'no key', payload: without('key'), message: /^generated_video: must have required properties key/ },
  {
    what: 'a key elsewhere',
    payload: { ...smallest, key: `quarantine/${uploadId}` },
    message: /^generated_video\/key: .*pipeline-inbox\//,
  },
  {
    what: 'the key of another project',
    payload: { ...smallest, project_id: userId },
    message: /key: must be that of this project and upload/,
  },
  {
    what: 'the key of another upload',
    payload: { ...smallest, upload_id: userId },
    message: /key: must be that of this project and upload/,
  },
  { what: 'a key in upper case', payload: { ...smallest, key: key.toUpperCase() }, message: /^generated_video\/key: .*lower case/ },
  { what: 'a key followed by a line break', payload: { ...smallest, key: `${key}\n` }, message: /^generated_video\/key: / },
  { what: 'no filename', payload: without('filename'), message: /^generated_video: must have required properties filename/ },
  { what: 'an empty filename', payload: { ...smallest, filename: '' }, message: /^generated_video\/filename: .*1 to 255 characters/ },
  { what: 'a filename of 256 characters', payload: { ...smallest, filename: '😀'.repeat(256) }, message: /^generated_video\/filename: / },
  {
    what: 'a folder as filename',
    payload: { ...smallest, filename: 'renders/' },
    message: /^generated_video\/filename: is not a file name/,
  },
  { what: 'dots as filename', payload: { ...smallest, filename: ' .. ' }, message: /^generated_video\/filename: is not a file name/ },
  { what: 'a filename with a line break', payload: { ...smallest, filename: 'a\nb.mp4' }, message: /filename: has control characters/ },
  { what: 'a filename with a line separator', payload: { ...smallest, filename: 'a\u2028b' }, message: /filename: has control characters/ },
  { what: 'half a surrogate pair as filename', payload: { ...smallest, filename: 'a\ud800' }, message: /filename: is not valid Unicode/ },
  {
    what: 'a filename that is longer when it is composed',
    payload: { ...smallest, filename: '\u0958'.repeat(200) },
    message: /filename: is longer than 255 characters in its composed form/,
  },
  { what: 'a hash in upper case', payload: { ...smallest, sha256: 'A0'.repeat(32) }, message: /^generated_video\/sha256: .*lower case/ },
  { what: 'a short hash', payload: { ...smallest, sha256: 'a0' }, message: /^generated_video\/sha256: / },
  { what: 'a hash of null', payload: { ...smallest, sha256: null }, message: /^generated_video\/sha256: must be string/ },
  { what: 'metadata as a list', payload: { ...smallest, metadata: [1] }, message: /^generated_video\/metadata: must be object/ },
  {
    what: 'metadata within metadata',
    payload: { ...smallest, metadata: { a: {} } },
    message: /^generated_video\/metadata\/a: .*flat object/,
  },
  { what: 'metadata that is null', payload: { ...smallest, metadata: { a: null } }, message: /^generated_video\/metadata\/a: / },
  {
    what: 'a list in metadata with an odd name',
    payload: { ...smallest, metadata: { 'a\nb': [] } },
    message: /^generated_video\/metadata\/a\nb: /,
  },
  {
    what: 'metadata of 4097 bytes',
    payload: { ...smallest, metadata: { note: 'x'.repeat(4097 - '{"note":""}'.length) } },
    message: /^generated_video\/metadata: has 4097 bytes as JSON, at most 4096 are allowed/,
  },
  { what: 'a NUL in metadata', payload: { ...smallest, metadata: { a: 'x\u0000' } }, message: /metadata: has a NUL character/ },
  { what: 'a NUL in a name in metadata', payload: { ...smallest, metadata: { 'x\u0000': 1 } }, message: /metadata: has a NUL character/ },
  {
    what: 'half a surrogate pair in metadata',
    payload: { ...smallest, metadata: { a: '\udc00' } },
    message: /metadata: is not valid Unicode/,
  },
  {
    what: 'an unknown priority',
    payload: { ...smallest, priority: 'urgent' },
    message: /^generated_video\/priority: .*'interactive' or 'batch'/,
  },
  { what: 'a priority as number', payload: { ...smallest, priority: 1 }, message: /^generated_video\/priority: / },
  { what: 'an unknown field', payload: { ...smallest, url: 'http://x' }, message: /^generated_video\/url: / },
]

test.for(malformed)('a payload with $what is refused, and the error contains the position', ({ payload, message }, { expect }) => {
  expect(() => parseGeneratedVideo(generatedVideoJob, payload)).toThrow(PayloadMalformed)
  expect(() => parseGeneratedVideo(generatedVideoJob, payload)).toThrow(message)
})

test('the name of a job determines how its payload is parsed', () => {
  expect(parseJob('generated_video', smallest)).toEqual({ name: 'generated_video', payload: smallest })
  expect(parseJob('process_upload', { version: 1, upload_id: uploadId })).toEqual({
    name: 'process_upload',
    payload: { version: 1, upload_id: uploadId },
  })
  expect(() => parseJob('process_upload', smallest)).toThrow(/^process_upload\/\w+: /)
  expect(() => parseJob('generated_video', { version: 1, upload_id: uploadId })).toThrow(/^generated_video: /)
  expect(() => parseJob('x'.repeat(500), smallest)).toThrow(new PayloadMalformed(`unknown job name '${'x'.repeat(80)}'`))
  expect(() => parseGeneratedVideo('process_upload', smallest)).toThrow("unknown job name 'process_upload'")
})
