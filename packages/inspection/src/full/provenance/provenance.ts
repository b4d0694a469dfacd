import { type Credentials, type DeclaredOrigin, type MediaType, MiB, type Provenance, type ProvenanceState } from '@airlock/domain'
import type { Part } from '../picture/picture-structure.ts'
import { activeManifestOf, stateOf } from './answer.ts'
import { readCredentials } from './c2pa-library.ts'
import { pictureBinding } from './data-hash.ts'
import { declaredIn, textsOf } from './declared-origin.ts'
import { findCredentials } from './picture-credentials.ts'
import { statementsOf } from './statements.ts'

/** The maximum size of credentials; a manifest with thumbnails of a dozen ingredients has a few MiB. Larger ones are unreadable. */
export const maxCredentialsBytes = 8 * MiB

/** What a picture's credentials prove and say, and what it says without them. */
export async function provenanceOfPicture(
  bytes: Buffer,
  mediaType: MediaType,
  parts: readonly Part[],
  trustPem: string | null,
): Promise<Provenance> {
  const declared = declaredIn(textsOf(parts))
  const found = findCredentials(bytes, parts, mediaType)
  if (found === null) return absent(declared)
  const credentialsBytes = found.ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  if (credentialsBytes > maxCredentialsBytes) return unreadable(declared)
  const answer = await readCredentials(bytes, mediaType, trustPem)
  if (answer === 'none') return absent(declared)
  const active = answer && activeManifestOf(answer)
  if (!active) return unreadable(declared)
  const state = stateOf(active, () => false)
  return withDeclared({ present: true, state, content: pictureBinding(bytes, active, found), ...statementsOf(active) }, declared)
}

export const absent = (declared?: DeclaredOrigin): Provenance =>
  declared === undefined ? { present: false } : { present: false, declared }

export const unreadable = (declared?: DeclaredOrigin): Provenance =>
  withDeclared(
    {
      present: true,
      state: 'unreadable' satisfies ProvenanceState,
      content: 'not_checked',
      generator: null,
      digital_source_type: null,
      ai_generated: null,
      signer: null,
      signed_at: null,
    },
    declared,
  )

export const withDeclared = (credentials: Credentials, declared?: DeclaredOrigin): Provenance =>
  declared === undefined ? credentials : { ...credentials, declared }
