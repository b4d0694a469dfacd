import { expect, test, vi } from 'vitest'

/** The domain's table with a kind that has no inspector yet, as while a format is being added. */
vi.mock('@airlock/domain', async (original) => {
  const domain = await original<typeof import('@airlock/domain')>()
  const kind = { ...domain.assetKind('lora_training'), inspector: null }
  return {
    ...domain,
    assetKind: (type: Parameters<typeof domain.assetKind>[0]) => (type === 'lora_training' ? kind : domain.assetKind(type)),
  }
})

test('a form is refused as soon as it names a kind without an inspector', async () => {
  const { FormFieldReader } = await import('../../src/upload/form-fields.ts')

  const assetType = (value: string) => ({ kind: 'field', name: 'asset_type', value }) as const
  expect(() => new FormFieldReader().add(assetType('lora_training'))).toThrow(expect.objectContaining({ code: 'asset_type_not_available' }))
  expect(() => new FormFieldReader().add(assetType('brand_image'))).not.toThrow()
})
