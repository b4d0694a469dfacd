import { AirlockError, type AssetType, assetKind, assetTypes, isAssetType, isUuid } from '@airlock/domain'
import type { FormFields } from '@airlock/lifecycle'

/** The fields of the form; anything else is a mistake that its sender should hear of. */
const fieldNames = ['asset_type', 'project_id', 'brand_id'] as const
type FieldName = (typeof fieldNames)[number]

const isFieldName = (name: string): name is FieldName => (fieldNames as readonly string[]).includes(name)

/** The fields of a form as they arrive, each judged at once, all together at the end. */
export class FormFieldReader {
  readonly #values = new Map<FieldName, string>()

  /** @throws AirlockError `field_unknown`, `field_repeated`, `field_malformed`, `asset_type_…` */
  add(name: string, value: string): void {
    if (!isFieldName(name)) throw new AirlockError('field_unknown', { field: name, allowed: ['files', ...fieldNames] })
    if (this.#values.has(name)) throw new AirlockError('field_repeated', { field: name })
    if (name === 'asset_type') assertAvailable(value)
    else if (!isUuid(value)) throw new AirlockError('field_malformed', { field: name, expected: 'a UUID' })
    this.#values.set(name, name === 'asset_type' ? value : value.toLowerCase())
  }

  /** What the form has said of its files' kind so far. */
  assetType(): AssetType | null {
    return (this.#values.get('asset_type') as AssetType | undefined) ?? null
  }

  /** @throws AirlockError `asset_type_missing`, `field_missing` */
  all(): FormFields {
    const assetType = this.assetType()
    if (assetType === null) throw new AirlockError('asset_type_missing', { allowed: assetTypes })
    const { requires } = assetKind(assetType)
    if (requires !== null && !this.#values.has(requires)) throw new AirlockError('field_missing', { field: requires, assetType })
    return { assetType, projectId: this.#values.get('project_id') ?? null, brandId: this.#values.get('brand_id') ?? null }
  }
}

function assertAvailable(value: string): asserts value is AssetType {
  if (!isAssetType(value)) throw new AirlockError('asset_type_unknown', { value, allowed: assetTypes })
  if (assetKind(value).inspector === null) throw new AirlockError('asset_type_not_available', { value })
}
