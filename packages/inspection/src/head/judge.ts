import {
  type AssetType,
  assetKind,
  assetTypes,
  extensionOf,
  type MediaType,
  mediaTypeOfExtension,
  mediaTypes,
  normalizedType,
  type Refusal,
  refusal,
  undeclaredType,
} from '@airlock/domain'
import type { Content } from './content.ts'

/** What a client says of a file, apart from its bytes. */
export interface Claim {
  /** A name from `parseFilename`. */
  readonly filename: string
  /** The `Content-Type` as the client wrote it; absent and `application/octet-stream` claim nothing. */
  readonly declaredType: string | undefined
  /** Null while the form has not said it yet. */
  readonly assetType: AssetType | null
}

/** What the head of a file is held against. */
export interface HeadClaim {
  readonly filename: string
  /** What the file was taken for so far, for example `claimedTypeOf(filename)`; null claims nothing. */
  readonly claimedType: MediaType | null
  /** Null while the form has not said it yet. */
  readonly assetType: AssetType | null
}

/** The media type that a name's extension stands for, or null. */
export const claimedTypeOf = (filename: string): MediaType | null => mediaTypeOfExtension(extensionOf(filename))

/**
 * Whether a file may be what its name and declared type say, before a byte is read.
 *
 * Without an asset type, only what no kind could take in is refused. Judge again once the type is known: the rules stand in one order,
 * so the answer does not depend on whether a form's fields came before or after its files.
 */
export function judgeName({ filename, declaredType, assetType }: Claim): Refusal | null {
  const facts = { filename, claimed: claimedTypeOf(filename), declared: normalizedType(declaredType), allowed: allowedTypes(assetType) }
  return firstRefusal(nameRules, facts)
}

/**
 * Whether the first bytes of a file agree with what it claims to be, and with its kind. Like `judgeName`, judge again once the kind is known.
 *
 * @param content from `identify`
 */
export function judgeHead({ filename, claimedType, assetType }: HeadClaim, content: Content): Refusal | null {
  return firstRefusal(headRules, { filename, claimed: claimedType, content, allowed: allowedTypes(assetType) })
}

interface Known {
  filename: string
  claimed: MediaType | null
  /** What the kind may hold, or all kinds when it is not known yet. */
  allowed: readonly MediaType[]
}

type Rule<F> = (facts: F) => Refusal | null

/** In the order in which a client is told. */
const nameRules: readonly Rule<Known & { declared: string }>[] = [
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
]

const headRules: readonly Rule<Known & { content: Content }>[] = [
  function contentAgreesWithClaim({ filename, claimed, content }) {
    if (claimed === null || claimed === content.mediaType || arePictures(claimed, content.mediaType)) return null
    return refusal('type_mismatch', { filename, claimed: mediaTypes[claimed].name, found: content.described })
  },
  function contentBelongsToKind({ filename, content, allowed }) {
    if (content.mediaType && allowed.includes(content.mediaType)) return null
    return refusal('type_not_allowed', { filename, type: content.mediaType ?? content.described, allowed })
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

/** What a kind may hold; of a kind still unknown, whatever any kind with an inspector may. */
function allowedTypes(assetType: AssetType | null): readonly MediaType[] {
  if (assetType) return assetKind(assetType).mediaTypes
  return assetTypes.map(assetKind).flatMap(({ inspector, mediaTypes }) => (inspector ? mediaTypes : []))
}

const extensionsOf = (types: readonly MediaType[]): string[] =>
  types.flatMap((type) => mediaTypes[type].extensions.map((extension) => `.${extension}`))
