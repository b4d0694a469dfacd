import { AirlockError, type AssetType, assetKind, assetTypes, isAssetType, isUuid } from '@airlock/domain'
import type { FormFields } from '@airlock/lifecycle'
import { type ClientMetadata, parseClientMetadata } from './client-metadata.ts'
import { type FormField, type FormFile, fileFields } from './form.ts'

/** Whether a part is one of the files; the others are fields, or errors. */
export const isFileOfForm = (part: FormField | FormFile): part is FormFile => part.kind === 'file' && fileFields.includes(part.name)

/**
 * What uploaders send along with a file by default: Uppy `name`, `type` and `relativePath`, others `filename`. The name and type that count are
 * in the headers of the file's part. Fields that say that a file is only a piece of a larger one (`chunk`, `dzchunkindex`) must stay unknown.
 */
const ignoredFields: readonly string[] = ['name', 'type', 'relativePath', 'filename']

/** Whether a part is a text of an uploader that means nothing to us. A file is never ignored, whatever its field. */
export const isIgnored = (part: FormField | FormFile): boolean => part.kind === 'field' && ignoredFields.includes(part.name)

/** The fields of the form; any other name is an error. */
const fieldNames = ['asset_type', 'project_id', 'brand_id', 'metadata'] as const
type FieldName = (typeof fieldNames)[number]

const isFieldName = (name: string): name is FieldName => (fieldNames as readonly string[]).includes(name)

/** Collects the fields of a form: each is validated on arrival, and all together at the end. */
export class FormFieldReader {
  readonly #values = new Map<FieldName, unknown>()
  readonly #given = new Map<FieldName, string>()

  /** @throws AirlockError `field_unknown`, `field_repeated`, `field_malformed`, `asset_type_…` */
  add(part: FormField | FormFile): void {
    const { name } = part
    if (fileFields.includes(name)) throw new AirlockError('field_malformed', { field: name, expected: 'a file: a part with a filename' })
    if (!isFieldName(name)) throw new AirlockError('field_unknown', { field: name, allowed: [...fileFields, ...fieldNames] })
    if (part.kind === 'file') throw new AirlockError('field_malformed', { field: name, expected: 'text: a part without a filename' })
    const { value } = part
    if (this.#values.has(name)) throw new AirlockError('field_repeated', { field: name })
    this.#values.set(name, readers[name](value, name))
    this.#given.set(name, value)
  }

  /** The fields as sent by the client. */
  given(): (readonly [name: string, value: string])[] {
    return [...this.#given]
  }

  /** The asset type, if the form has already named it. */
  assetType(): AssetType | null {
    return (this.#values.get('asset_type') as AssetType | undefined) ?? null
  }

  /** @throws AirlockError `asset_type_missing`, `field_missing` */
  all(): FormFields {
    const assetType = this.assetType()
    if (assetType === null) throw new AirlockError('asset_type_missing', { allowed: assetTypes })
    const { requires } = assetKind(assetType)
    if (requires !== null && !this.#values.has(requires)) throw new AirlockError('field_missing', { field: requires, assetType })
    return {
      assetType,
      projectId: this.#text('project_id'),
      brandId: this.#text('brand_id'),
      clientMetadata: (this.#values.get('metadata') as ClientMetadata | undefined) ?? null,
    }
  }

  #text(name: FieldName): string | null {
    return (this.#values.get(name) as string | undefined) ?? null
  }
}

/** Validates each field and converts it to its stored form. */
const readers: Record<FieldName, (value: string, name: string) => unknown> = {
  asset_type: availableKind,
  project_id: uuid,
  brand_id: uuid,
  metadata: parseClientMetadata,
}

function uuid(value: string, name: string): string {
  if (!isUuid(value)) throw new AirlockError('field_malformed', { field: name, expected: 'a UUID' })
  return value.toLowerCase()
}

/** @throws AirlockError `asset_type_unknown`, `asset_type_not_available` */
export function availableKind(value: string): AssetType {
  if (!isAssetType(value)) throw new AirlockError('asset_type_unknown', { value, allowed: assetTypes })
  if (assetKind(value).inspector === null) throw new AirlockError('asset_type_not_available', { value })
  return value
}
