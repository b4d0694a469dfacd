import type { DeclaredOrigin } from '@airlock/domain'
import { type ActiveManifest, addressOf, has, listOf, objectOf, type Untrusted } from './answer.ts'
import { generatedByAi, termOf } from './digital-source-types.ts'
import { plainText } from './texts.ts'

/** What the credentials state, for display. Whether it may be believed is another question. */
interface Statements extends DeclaredOrigin {
  readonly signer: string | null
  readonly signed_at: string | null
}

/** An edited file leads to the file that it was made from; chains that are longer are not followed. */
const maxAncestors = 20

/**
 * What the active manifest states. An editor that opened a generated picture says only that it opened it, so the type of source is then the one of the
 * file that it was made from, whose manifest the active one contains.
 */
export function statementsOf(active: ActiveManifest): Statements {
  const types = ancestry(active).flatMap(sourceTypesOf)
  const [first = null] = types
  const certificate = objectOf(objectOf(objectOf(active.manifest.signature).certificateInfo).subject)
  return {
    generator: generatorOf(active.manifest),
    digital_source_type: first,
    ai_generated: types.some((type) => generatedByAi(type) === true) ? true : generatedByAi(first),
    signer: plainText(certificate.O) ?? plainText(certificate.CN),
    signed_at: signingTimeOf(active),
  }
}

/** The active manifest, then the manifest of the file that it was made from, and so on. */
function ancestry({ manifest, manifests }: ActiveManifest): Untrusted[] {
  const found = [manifest]
  for (let next = parentOf(manifest, manifests); next && !found.includes(next); next = parentOf(next, manifests)) {
    found.push(next)
    if (found.length > maxAncestors) break
  }
  return found
}

function parentOf(manifest: Untrusted, manifests: readonly Untrusted[]): Untrusted | undefined {
  const ingredients = assertionsOf(manifest, 'c2pa.ingredient').map(objectOf)
  const parent = ingredients.find(({ relationship }) => relationship === 'parentOf')
  const { url } = objectOf(parent?.activeManifest ?? parent?.c2pa_manifest)
  return manifests.find(({ label }) => url === `self#jumbf=/c2pa/${label}`)
}

/** Types of the action that created the file first, then of all others. */
function sourceTypesOf(manifest: Untrusted): string[] {
  const actions = assertionsOf(manifest, 'c2pa.actions').flatMap((assertion) => listOf(objectOf(assertion).actions).map(objectOf))
  const created = actions.filter(({ action }) => action === 'c2pa.created')
  return [...created, ...actions].flatMap(({ digitalSourceType }) => termOf(digitalSourceType) ?? [])
}

/** Assertions of a label, in any version, of which there may be several: `c2pa.actions.v2__1`. */
const assertionsOf = ({ assertions }: Untrusted, label: string): unknown[] =>
  Object.entries(objectOf(assertions)).flatMap(([name, value]) => (name.replace(/(\.v\d+)?(__\d+)?$/, '') === label ? [value] : []))

/** Name and version of the program that wrote the claim. */
function generatorOf(manifest: Untrusted): string | null {
  const claim = objectOf(manifest['claim.v2'] ?? manifest.claim)
  const info = objectOf(Array.isArray(claim.claim_generator_info) ? claim.claim_generator_info[0] : claim.claim_generator_info)
  const named = [plainText(info.name), plainText(info.version)].filter((text) => text !== null)
  return plainText(info.name) === null ? plainText(claim.claim_generator) : plainText(named.join(' '))
}

/** The time that a trusted authority confirmed. Anyone can run an authority that confirms another time, so an unknown one proves nothing. */
function signingTimeOf(active: ActiveManifest): string | null {
  if (!has(active.success, 'timeStamp.trusted', addressOf(active, 'c2pa.signature'))) return null
  const { timestamp } = objectOf(objectOf(active.manifest.signature).timeStampInfo)
  const time = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN
  return Number.isNaN(time) ? null : new Date(time).toISOString()
}
