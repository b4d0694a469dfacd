import type { DeclaredOrigin, Provenance } from '@airlock/domain'
import { activeManifestOf, addressOf, type Result, stateOf } from './answer.ts'
import { videoBinding } from './bmff-hash.ts'
import { readCredentials } from './c2pa-library.ts'
import type { HashedVideo } from './hashed-video.ts'
import { absent, maxCredentialsBytes, unreadable, withDeclared } from './provenance.ts'
import { statementsOf } from './statements.ts'
import { credentialBoxes, skeletonOf } from './video-credentials.ts'

/** What a video's credentials prove and say. A video with credentials is read as a whole, because its hash covers all of it. */
export async function provenanceOfVideo(
  video: Omit<HashedVideo, 'credentials'>,
  declared: DeclaredOrigin | undefined,
  trustPem: string | null,
): Promise<Provenance> {
  const { boxes, topLevel } = video
  const credentials = await credentialBoxes(boxes, topLevel)
  if (credentials.length === 0) return absent(declared)
  const credentialsBytes = credentials.reduce((sum, { start, end }) => sum + end - start, 0)
  if (credentialsBytes > maxCredentialsBytes) return unreadable(declared)
  const answer = await readCredentials(await skeletonOf(boxes, topLevel, credentials), 'video/mp4', trustPem)
  if (answer === 'none') return absent(declared)
  const active = answer && activeManifestOf(answer)
  if (!active) return unreadable(declared)
  const { content, contradicts } = await videoBinding({ ...video, credentials }, active)
  const hashes = addressOf(active, 'c2pa.assertions/c2pa.hash.bmff')
  const isUpdate = active.manifest.isUpdateManifest === true
  // an update has no hash of its own: the library compares that of an earlier manifest
  const isHashOfSkeleton = ({ code, url }: Result) => code === 'assertion.bmffHash.mismatch' && (isUpdate || url.startsWith(hashes))
  const state = contradicts ? 'invalid' : stateOf(active, isHashOfSkeleton)
  return withDeclared({ present: true, state, content, ...statementsOf(active) }, declared)
}
