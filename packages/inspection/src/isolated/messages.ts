import { errors, type Facts, type MediaType, MiB } from '@airlock/domain'
import { type Inspection, inspectionVersion } from '../full/inspect.ts'
import type { InspectedUpload, InspectionLimits } from '../full/inspector.ts'
import { verifiedProvenance } from './verified-provenance.ts'

/** Messages to an inspector process. It reads one file at a time. */
export type ToChild =
  /** Sent once, before the first file: the list may have hundreds of KiB. */
  | { readonly kind: 'trust'; readonly pem: string | null }
  | {
      readonly kind: 'inspect'
      readonly size: number
      /** All bytes of a small file; null if it is read in parts. */
      readonly bytes: Uint8Array | null
      readonly upload: InspectedUpload
      /** Without the trusted certificates. */
      readonly limits: InspectionLimits
    }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** The source failed; only the parent knows the reason. */
  | { readonly kind: 'no bytes' }

/** Messages from an inspector process. */
export type FromChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'read'; readonly offset: number; readonly length: number }
  | { readonly kind: 'progress' }
  | { readonly kind: 'verdict'; readonly inspection: Inspection; readonly rssBytes: number }
  /** Neither a verdict nor a crash: the decoder ran out of time or memory, or there is a bug. */
  | { readonly kind: 'failed'; readonly fault: string }

/** A file that takes over its inspector could make it send anything. Only well-formed messages are accepted. */

/** More than any verdict contains. */
const maxFacts = 100
const maxTextCharacters = 4000

/** The maximum size of one read; see `remoteSource`. */
const maxReadBytes = 4 * MiB

/**
 * @param mediaType the type that the upload claims: inspection confirms this type or rejects the file, and never returns another one
 * @returns a copy of the verdict; null if it is malformed
 */
export function verifiedInspection(value: unknown, mediaType: MediaType): Inspection | null {
  if (!isObject(value) || value.inspectionVersion !== inspectionVersion) return null
  if (value.ok === true) {
    const facts = verifiedFacts(value.facts)
    if (value.mediaType !== mediaType || facts === null || facts.inspection_version !== inspectionVersion) return null
    return { ok: true, mediaType, facts, inspectionVersion }
  }
  const { refusal } = value
  if (value.ok !== false || !isObject(refusal)) return null
  const { code, error, detail } = refusal
  if (typeof code !== 'string' || !Object.hasOwn(errors, code) || !isText(error) || !isText(detail)) return null
  return { ok: false, refusal: { code: code as keyof typeof errors, error, detail }, inspectionVersion }
}

/** Whether a read request is inside of the file, and not too large. */
export function isReadable({ offset, length }: Extract<FromChild, { kind: 'read' }>, size: number): boolean {
  return (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    length <= maxReadBytes &&
    offset + length <= size
  )
}

function verifiedFacts(value: unknown): Facts | null {
  if (!isObject(value)) return null
  const { provenance, ...plain } = value
  const entries = Object.entries(plain)
  const isFact = (value: unknown) => value === null || typeof value === 'boolean' || Number.isFinite(value) || isText(value)
  if (entries.length > maxFacts || !entries.every(([, value]) => isFact(value))) return null
  const facts = Object.fromEntries(entries) as Facts
  if (provenance === undefined) return facts
  const verified = verifiedProvenance(provenance)
  return verified && { ...facts, provenance: verified }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= maxTextCharacters
