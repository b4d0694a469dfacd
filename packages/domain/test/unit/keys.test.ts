import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  assetKind,
  assetTypes,
  finalKey,
  idsOfInboxKey,
  inboxKey,
  isStoreCheckKey,
  quarantineKey,
  safeName,
  storeCheckKey,
  uploadIdOfQuarantineKey,
  uploadIdOfWaitingKey,
} from '../../src/index.ts'

const uploadId = '01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f'
const userId = 'a3f1c9de-6b7a-4b1e-8f0a-1234567890ab'
const projectId = 'b3f1c9de-6b7a-4b1e-8f0a-1234567890ab'
const brandId = 'c3f1c9de-6b7a-4b1e-8f0a-1234567890ab'
const acceptedAt = new Date('2026-11-24T10:20:30.999Z')
const parts = { uploadId, userId, projectId, brandId, filename: 'Mein Logo.PNG', acceptedAt }

test('a quarantine key contains the upload id and nothing about the user', { meta: { id: 'quarantine-key-has-no-user-text' } }, () => {
  expect(quarantineKey(uploadId)).toBe(`quarantine/${uploadId}`)
})

test('the upload id can be read from its quarantine key', () => {
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      expect(uploadIdOfQuarantineKey(quarantineKey(id))).toBe(id)
    }),
    { seed: 20261124 },
  )
})

const notOurs = [
  '',
  uploadId,
  `quarantine/${uploadId}/part`,
  `quarantine/${uploadId}\n`,
  `quarantine//${uploadId}`,
  `x/quarantine/${uploadId}`,
  `quarantine/${uploadId.toUpperCase()}`,
  `quarantine/${uploadId.slice(1)}`,
  `brand-images/${uploadId}`,
]

test.for(notOurs)('the key %j is not in the quarantine', (key, { expect }) => {
  expect(uploadIdOfQuarantineKey(key)).toBeNull()
})

test('project and upload can be read from an inbox key', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), (project, upload) => {
      const place = { projectId: project, uploadId: upload }
      expect(inboxKey(place)).toBe(`pipeline-inbox/${project}/${upload}.mp4`)
      expect(idsOfInboxKey(inboxKey(place))).toEqual(place)
    }),
    { seed: 20261125 },
  )
})

const notOfAPipeline = [
  '',
  `pipeline-inbox/${uploadId}.mp4`,
  `pipeline-inbox/${projectId}/${uploadId}`,
  `pipeline-inbox/${projectId}/${uploadId}.mov`,
  `pipeline-inbox/${projectId}/${uploadId}.mp4\n`,
  `pipeline-inbox/${projectId}/../${uploadId}.mp4`,
  `pipeline-inbox/${projectId.toUpperCase()}/${uploadId}.mp4`,
  `pipeline-inbox/${projectId}/${uploadId}xmp4`,
  `x/pipeline-inbox/${projectId}/${uploadId}.mp4`,
  `quarantine/${uploadId}`,
]

test.for(notOfAPipeline)('the key %j is not in the inbox', (key, { expect }) => {
  expect(idsOfInboxKey(key)).toBeNull()
})

test('the upload of an object can be read from its key, in quarantine and in the inbox', () => {
  expect(uploadIdOfWaitingKey(quarantineKey(uploadId))).toBe(uploadId)
  expect(uploadIdOfWaitingKey(inboxKey({ projectId, uploadId }))).toBe(uploadId)
  expect(uploadIdOfWaitingKey(`brand-images/${userId}/1_2c3d4e5f_logo.png`)).toBeNull()
})

test('two files with the same name and second get different keys, even if the ends of their ids are equal', () => {
  const keyOf = (id: string) => finalKey({ ...parts, assetType: 'generated_video', uploadId: id, filename: 'scene.mp4' })
  // RFC 9562, section 5.1: a UUID v1 begins with the time and ends with the node id
  const keys = ['00000000', '00000001', '0000000a', 'ffffffff'].map((low) => keyOf(`${low}-c9de-11f0-8000-0242ac130003`))
  expect(new Set(keys).size).toBe(keys.length)
  for (const key of keys) expect(key).toMatch(/\/1795515630_[0-9a-f]{8}_scene\.mp4$/)
})

test('a final key consists of kind, owner, second of acceptance, random end of the upload id, and safe name', () => {
  expect(finalKey({ ...parts, assetType: 'brand_image' })).toBe(`brand-images/${userId}/1795515630_2c3d4e5f_Mein_Logo.png`)
  expect(finalKey({ ...parts, assetType: 'generated_video', filename: 'Final cut.mp4' })).toBe(
    `generated-videos/${projectId}/1795515630_2c3d4e5f_Final_cut.mp4`,
  )
  expect(finalKey({ ...parts, assetType: 'lora_training' })).toBe(`lora-training/${brandId}/1795515630_2c3d4e5f_training_set.zip`)
})

test.each([
  ['photo.PNG', 'image/jpeg', 'photo.jpg'],
  ['photo.jpeg', 'image/jpeg', 'photo.jpeg'],
  ['a.jpg.png', 'image/webp', 'a.jpg.webp'],
  ['photo', 'image/png', 'photo.png'],
] as const)('the extension of the final key of %s follows its content, %s: %s', (filename, mediaType, name) => {
  expect(finalKey({ ...parts, assetType: 'brand_image', filename, mediaType })).toBe(`brand-images/${userId}/1795515630_2c3d4e5f_${name}`)
})

test('two files with the same name and second get different keys', () => {
  const other = finalKey({ ...parts, assetType: 'brand_image', uploadId: '01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e60' })
  expect(finalKey({ ...parts, assetType: 'brand_image' })).not.toBe(other)
})

test('a final key stays below its prefix and has no empty, `.` or `..` segment, whatever the file name', {
  meta: { id: 'final-key-is-safe' },
}, () => {
  fc.assert(
    fc.property(fc.constantFrom(...assetTypes), fc.string({ unit: 'binary', minLength: 1, maxLength: 255 }), (assetType, filename) => {
      const key = finalKey({ ...parts, assetType, filename })
      expect(key.startsWith(assetKind(assetType).finalPrefix)).toBe(true)
      expect(key.split('/')).toHaveLength(3)
      expect(key.split('/').filter((segment) => /^\.{0,2}$/.test(segment))).toEqual([])
      expect(key).toMatch(/^[\w./-]+$/)
      expect(safeName(filename)).not.toContain('/')
    }),
    { seed: 20261124, numRuns: 500 },
  )
})

const places = [
  { assetType: 'generated_video', without: { projectId: null } },
  { assetType: 'lora_training', without: { brandId: null } },
] as const

test.for(places)('a $assetType without its folder gets no key', ({ assetType, without }, { expect }) => {
  expect(() => finalKey({ ...parts, assetType, ...without })).toThrow(`has no ${assetKind(assetType).requires}, which its kind requires`)
})

test('a folder that a kind does not need may be missing', () => {
  expect(finalKey({ ...parts, assetType: 'brand_image', projectId: null, brandId: null })).toContain(`brand-images/${userId}/`)
})

test("a gateway's check of the store has a key of its own", () => {
  const key = storeCheckKey('0198c0de-0000-7000-8000-000000000001')
  expect(isStoreCheckKey(key)).toBe(true)
  expect(uploadIdOfQuarantineKey(key)).toBeNull()
  expect(isStoreCheckKey('quarantine/0198c0de-0000-7000-8000-000000000001')).toBe(false)
  expect(isStoreCheckKey('quarantine/check-mate')).toBe(false)
})
