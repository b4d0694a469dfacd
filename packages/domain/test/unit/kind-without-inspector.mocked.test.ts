import { expect, test, vi } from 'vitest'
import { defaultSizeLimits, judgeFile } from '../../src/index.ts'

/** A kind that has no inspector yet, as while a format is being added. */
vi.mock('../../src/asset-kinds.ts', async (original) => {
  const kinds = await original<typeof import('../../src/asset-kinds.ts')>()
  const kind = { ...kinds.assetKind('lora_training'), inspector: null }
  return {
    ...kinds,
    assetKind: (type: Parameters<typeof kinds.assetKind>[0]) => (type === 'lora_training' ? kind : kinds.assetKind(type)),
  }
})

test('a file of a kind without an inspector is refused while the form has not named its kind', () => {
  const file = { filename: 'set.zip', declaredType: 'application/zip' }

  expect(judgeFile({ ...file, assetType: null }, defaultSizeLimits)?.code).toBe('extension_not_allowed')
  expect(judgeFile({ ...file, assetType: 'lora_training' }, defaultSizeLimits)).toBeNull()
})
