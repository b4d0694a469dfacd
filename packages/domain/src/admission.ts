import { type Refusal, refusal } from './airlock-error.ts'
import { type AssetType, assetKind, assetTypes, kindsOf, type SizeLimits } from './asset-kinds.ts'
import { extensionOf } from './filename.ts'
import { type MediaType, mediaTypeOfExtension, mediaTypes, normalizedType, undeclaredType } from './media-types.ts'

/** The format of a file by its bytes, independent of its name and declared type. */
export interface Content {
  /** A format that Airlock accepts, or null. */
  readonly mediaType: MediaType | null
  /** The format in words, for a sentence like "its content is …". */
  readonly described: string
}

/** What is known of a file so far. Rules about unknown facts are skipped. */
export interface KnownFile {
  /** A name from `parseFilename`. */
  readonly filename: string
  /** The client's `Content-Type`; absent and `application/octet-stream` claim nothing. */
  readonly declaredType: string | undefined
  /** Null while the form has not named it. */
  readonly assetType: AssetType | null
  /** By its first bytes. */
  readonly content?: Content
  /** The size of the file, or the number of bytes that have arrived. */
  readonly sizeBytes?: number
}

/** What the first bytes of a file are compared with. */
export interface ContentClaim {
  readonly filename: string
  /** The type that the file was taken for so far, for example `claimedTypeOf(filename)`; null claims nothing. */
  readonly claimedType: MediaType | null
  /** Null while the form has not named it. */
  readonly assetType: AssetType | null
}

/** The media type that a name's extension stands for, or null. */
export const claimedTypeOf = (filename: string): MediaType | null => mediaTypeOfExtension(extensionOf(filename))

/**
 * The admission rule of all doors: the first reason for which a file is not accepted, or null.
 *
 * Judge again whenever more is known. The rules have one order, so the answer does not depend on whether a form's fields precede its files: while
 * the asset type is unknown, only what no kind accepts is refused.
 */
export function judgeFile(file: KnownFile, sizeLimits: SizeLimits): Refusal | null {
  const { filename, declaredType, assetType, content, sizeBytes } = file
  return firstRefusal(fileRules, {
    filename,
    claimed: claimedTypeOf(filename),
    declared: normalizedType(declaredType),
    allowed: allowedTypes(assetType),
    content,
    sizeBytes,
    limitBytes: sizeLimitOf(file, sizeLimits),
  })
}

/** The part of the rule that inspection repeats: whether the first bytes of a file agree with its claim, and with its kind. */
export function judgeContent({ filename, claimedType, assetType }: ContentClaim, content: Content): Refusal | null {
  return firstRefusal(contentRules, { filename, claimed: claimedType, content, allowed: allowedTypes(assetType) })
}

/** The maximum size of a file: that of its kind or, while the kind is unknown, the largest of all kinds that it may be of. */
export function sizeLimitOf({ assetType, content }: Pick<KnownFile, 'assetType' | 'content'>, sizeLimits: SizeLimits): number {
  if (assetType) return sizeLimits[assetType]
  const kinds = content?.mediaType ? kindsOf(content.mediaType) : inspectedKinds()
  return Math.max(...kinds.map((kind) => sizeLimits[kind]))
}

interface Facts {
  readonly filename: string
  readonly claimed: MediaType | null
  /** The types that the kind allows, or all kinds while it is unknown. */
  readonly allowed: readonly MediaType[]
  readonly content: Content | undefined
}

interface FileFacts extends Facts {
  readonly declared: string
  readonly sizeBytes: number | undefined
  readonly limitBytes: number
}

type Rule<F> = (facts: F) => Refusal | null

const contentRules: readonly Rule<Facts>[] = [
  function contentAgreesWithClaim({ filename, claimed, content }) {
    if (!content || claimed === null || claimed === content.mediaType || arePictures(claimed, content.mediaType)) return null
    return refusal('type_mismatch', { filename, claimed: mediaTypes[claimed].name, found: content.described })
  },
  function contentBelongsToKind({ filename, content, allowed }) {
    if (!content || (content.mediaType && allowed.includes(content.mediaType))) return null
    return refusal('type_not_allowed', { filename, type: content.mediaType ?? content.described, allowed })
  },
]

/** In the order in which clients get them. */
const fileRules: readonly Rule<FileFacts>[] = [
  function extensionAllowed({ filename, claimed, allowed }) {
    if (claimed && allowed.includes(claimed)) return null
    return refusal('extension_not_allowed', { filename, allowed: extensionsOf(allowed) })
  },
  function declaredTypeAllowed({ filename, declared, allowed }) {
    if (declared === undeclaredType || (allowed as readonly string[]).includes(declared)) return null
    return refusal('type_not_allowed', { filename, type: declared, allowed })
  },
  function extensionAgreesWithDeclaredType({ filename, claimed, declared }) {
    if (declared === undeclaredType || declared === claimed) return null
    return refusal('extension_mismatch', { filename, declared })
  },
  function isNotEmpty({ filename, sizeBytes }) {
    return sizeBytes === 0 ? refusal('empty_file', { filename }) : null
  },
  ...contentRules,
  function isWithinSizeLimit({ filename, sizeBytes, limitBytes }) {
    return sizeBytes !== undefined && sizeBytes > limitBytes ? refusal('file_too_large', { filename, limitBytes }) : null
  },
]

/**
 * People rename pictures, and programs save one format by the name of another. That is no danger: the content decides what a picture is stored
 * and served as, its key and its `Content-Type`.
 */
const arePictures = (...types: readonly (MediaType | null)[]): boolean => types.every((type) => type?.startsWith('image/'))

function firstRefusal<F>(rules: readonly Rule<F>[], facts: F): Refusal | null {
  for (const rule of rules) {
    const refused = rule(facts)
    if (refused) return refused
  }
  return null
}

const inspectedKinds = (): AssetType[] => assetTypes.filter((type) => assetKind(type).inspector !== null)

/** The types that a kind allows; of an unknown kind, those of every kind with an inspector. */
function allowedTypes(assetType: AssetType | null): readonly MediaType[] {
  return assetType ? assetKind(assetType).mediaTypes : inspectedKinds().flatMap((type) => assetKind(type).mediaTypes)
}

const extensionsOf = (types: readonly MediaType[]): string[] =>
  types.flatMap((type) => mediaTypes[type].extensions.map((extension) => `.${extension}`))
