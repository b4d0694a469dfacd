import { bytesInMemory } from '@airlock/domain'
import { expect, test, vi } from 'vitest'

/** The domain's table with a kind without an inspector. */
vi.mock('@airlock/domain', async (original) => {
  const domain = await original<typeof import('@airlock/domain')>()
  const kind = { ...domain.assetKind('lora_training'), inspector: null }
  return {
    ...domain,
    assetKind: (type: Parameters<typeof domain.assetKind>[0]) => (type === 'lora_training' ? kind : domain.assetKind(type)),
  }
})

const upload = { filename: 'set.zip', mediaType: 'application/zip', assetType: 'lora_training' } as const

test('a kind without an inspector is never accepted', async () => {
  const { inspect } = await import('@airlock/inspection/full')

  expect(await inspect(bytesInMemory(Buffer.from('PK\x03\x04')), upload)).toMatchObject({
    ok: false,
    refusal: { code: 'asset_type_not_available', detail: "Files of asset_type 'lora_training' can't be uploaded yet." },
  })
})
