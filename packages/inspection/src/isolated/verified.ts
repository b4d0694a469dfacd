import { errors, type Facts, type MediaType, MiB } from '@airlock/domain'
import { type Inspection, inspectionVersion } from '../full/inspect.ts'
import type { FromChild } from './messages.ts'

/** A file that takes its inspector over could have it say anything. What it says goes on only in the form that a verdict has. */

/** Nobody says more about a file. */
const maxFacts = 100
const maxTextCharacters = 4000

/** So much is read at once, at most; see `remoteSource`. */
export const maxReadBytes = 4 * MiB

/**
 * @param mediaType what the file was taken for at its door: inspection proves this type or rejects the file, and never finds another one
 * @returns the verdict, put together anew; null when it is none
 */
export function verifiedInspection(said: unknown, mediaType: MediaType): Inspection | null {
  if (!isObject(said) || said.inspectionVersion !== inspectionVersion) return null
  if (said.ok === true) {
    const facts = verifiedFacts(said.facts)
    if (said.mediaType !== mediaType || facts === null || facts.inspection_version !== inspectionVersion) return null
    return { ok: true, mediaType, facts, inspectionVersion }
  }
  const { refusal } = said
  if (said.ok !== false || !isObject(refusal)) return null
  const { code, error, detail } = refusal
  if (typeof code !== 'string' || !Object.hasOwn(errors, code) || !isText(error) || !isText(detail)) return null
  return { ok: false, refusal: { code: code as keyof typeof errors, error, detail }, inspectionVersion }
}

/** Whether bytes that an inspector asks for are in the file, and no more than it may ask for. */
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

function verifiedFacts(said: unknown): Facts | null {
  if (!isObject(said)) return null
  const entries = Object.entries(said)
  const isFact = (value: unknown) => value === null || typeof value === 'boolean' || Number.isFinite(value) || isText(value)
  return entries.length <= maxFacts && entries.every(([, value]) => isFact(value)) ? (Object.fromEntries(entries) as Facts) : null
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= maxTextCharacters
