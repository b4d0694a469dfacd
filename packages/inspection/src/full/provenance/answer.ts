import type { ProvenanceState } from '@airlock/domain'
import type { LibraryAnswer } from './c2pa-library.ts'

/** A value from a file: nothing about it is certain. */
export type Untrusted = Readonly<Record<string, unknown>>

/** The value as an object; an empty one if it is none. */
export const objectOf = (value: unknown): Untrusted => (typeof value === 'object' && value !== null ? (value as Untrusted) : {})

/** The value as a list; an empty one if it is none. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** A result of validation, by a code of the C2PA specification. */
export interface Result {
  readonly code: string
  /** JUMBF address of what was validated. */
  readonly url: string
}

/** The active manifest, which speaks for the file, and what the library found out about it. */
export interface ActiveManifest {
  readonly label: string
  readonly manifest: Untrusted
  readonly manifests: readonly Untrusted[]
  readonly success: readonly Result[]
  /** Of the active manifest, and of its ingredients if they differ from what the active manifest states. */
  readonly failure: readonly Result[]
}

/** @returns null if there is no active manifest, or several of its label, because the library may have validated another one than it lists */
export function activeManifestOf({ activeLabel, manifests: all, validation }: LibraryAnswer): ActiveManifest | null {
  const manifests = listOf(objectOf(all).manifests).map(objectOf)
  const [manifest, second] = manifests.filter(({ label }) => label === activeLabel)
  const results = objectOf(objectOf(validation).validation_results)
  const active = objectOf(results.activeManifest)
  if (!manifest || second || !Array.isArray(active.success)) return null
  const deltas = listOf(results.ingredientDeltas).map((delta) => objectOf(objectOf(delta).validationDeltas))
  const failure = [active, ...deltas].flatMap((part) => listOf(part.failure))
  return { label: activeLabel, manifest, manifests, success: active.success.map(resultOf), failure: failure.map(resultOf) }
}

function resultOf(value: unknown): Result {
  const { code, url } = objectOf(value)
  return { code: String(code), url: String(url) }
}

/** The address of an assertion of the active manifest, or of its signature. */
export const addressOf = ({ label }: ActiveManifest, part: string): string => `self#jumbf=/c2pa/${label}/${part}`

export const has = (results: readonly Result[], code: string, url: string): boolean =>
  results.some((result) => result.code === code && result.url === url)

/** An unknown signer is not a failure: the state distinguishes valid from trusted. */
const signerUnknown = 'signingCredential.untrusted'

/** @param isTolerated failures that another check decides */
export function stateOf(active: ActiveManifest, isTolerated: (result: Result) => boolean): ProvenanceState {
  const signature = addressOf(active, 'c2pa.signature')
  const isSigned = has(active.success, 'claimSignature.validated', signature)
  if (!isSigned || active.failure.some((result) => result.code !== signerUnknown && !isTolerated(result))) return 'invalid'
  return has(active.success, 'signingCredential.trusted', signature) ? 'trusted' : 'valid'
}

/** Bytes in the library's JSON: `b64'…'`; null if the value is something else. */
export function bytesOf(value: unknown): Buffer | null {
  const text = typeof value === 'string' ? (/^b64'([A-Za-z0-9+/]*={0,2})'$/.exec(value)?.[1] ?? null) : null
  return text === null ? null : Buffer.from(text, 'base64')
}

/** The value as an offset or a length. */
export const countOf = (value: unknown): number | null => (Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : null)
