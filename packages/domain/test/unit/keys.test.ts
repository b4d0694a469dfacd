import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assetKind, assetTypes, finalKey, quarantineKey, safeName, uploadIdOfQuarantineKey } from '../../src/index.ts'

const uploadId = '01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f'
const userId = 'a3f1c9de-6b7a-4b1e-8f0a-1234567890ab'
const projectId = 'b3f1c9de-6b7a-4b1e-8f0a-1234567890ab'
const brandId = 'c3f1c9de-6b7a-4b1e-8f0a-1234567890ab'
const acceptedAt = new Date('2026-11-24T10:20:30.999Z')
const parts = { uploadId, userId, projectId, brandId, filename: 'Mein Logo.PNG', acceptedAt }

test('a quarantine key holds the upload id and nothing of the user', () => {
  expect(quarantineKey(uploadId)).toBe(`quarantine/${uploadId}`)
})

test('the upload id comes back out of its quarantine key', () => {
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

test.for(notOurs)('the key %j is none of the quarantine', (key, { expect }) => {
  expect(uploadIdOfQuarantineKey(key)).toBeNull()
})

test('a final key says kind, owner, second of acceptance, the random end of the upload id, and a safe name', () => {
  expect(finalKey({ ...parts, assetType: 'brand_image' })).toBe(`brand-images/${userId}/1795515630_2c3d4e5f_Mein_Logo.png`)
  expect(finalKey({ ...parts, assetType: 'generated_video', filename: 'Final cut.mp4' })).toBe(
    `generated-videos/${projectId}/1795515630_2c3d4e5f_Final_cut.mp4`,
  )
  expect(finalKey({ ...parts, assetType: 'lora_training' })).toBe(`lora-training/${brandId}/1795515630_2c3d4e5f_training_set.zip`)
})

test('two files of one name and one second get two keys', () => {
  const other = finalKey({ ...parts, assetType: 'brand_image', uploadId: '01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e60' })
  expect(finalKey({ ...parts, assetType: 'brand_image' })).not.toBe(other)
})

test('whatever a file is called, its final key stays below its prefix and has no empty, `.` or `..` segment', () => {
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

test.for(places)('a $assetType without its place gets no key, instead of one below null/', ({ assetType, without }, { expect }) => {
  expect(() => finalKey({ ...parts, assetType, ...without })).toThrow(`has no place without its ${assetKind(assetType).requires}`)
})

test('a place that a kind does not need may be missing', () => {
  expect(finalKey({ ...parts, assetType: 'brand_image', projectId: null, brandId: null })).toContain(`brand-images/${userId}/`)
})
