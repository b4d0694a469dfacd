import type { Box, BoxReader } from '../video/box-reader.ts'

/** The type of the `uuid` box that contains a manifest store (C2PA 2.2, section A.5). */
const credentialsType = Buffer.from('d8fec3d61b0e483c92975828877ec481', 'hex')

/** Version and flags of the box, after its type. */
const versionBytes = 4
/** Offset of the first box of a Merkle tree, after the purpose of a manifest. */
const offsetBytes = 8
const maxPurposeBytes = 16

/** The boxes `uuid` with credentials among boxes of the top level. */
export async function credentialBoxes(boxes: BoxReader, topLevel: readonly Box[]): Promise<Box[]> {
  const found: Box[] = []
  for (const box of topLevel) {
    if (box.type !== 'uuid' || box.end - box.body < credentialsType.length) continue
    if ((await boxes.contents(box, credentialsType.length)).equals(credentialsType)) found.push(box)
  }
  return found
}

/** The boxes that the library needs to validate the signature: the brands and the credentials. It finds no media, so its verdict on the hash does not count. */
export async function skeletonOf(boxes: BoxReader, topLevel: readonly Box[], credentials: readonly Box[]): Promise<Buffer> {
  const kept = topLevel.filter((box) => box.type === 'ftyp' || credentials.includes(box))
  const parts: Buffer[] = []
  for (const { start, end } of kept) parts.push(Buffer.from(await boxes.bytes(start, end - start)))
  return Buffer.concat(parts)
}

/** What a box of credentials is for: `manifest`, or `merkle` for the nodes of a tree. */
export async function purposeOf(boxes: BoxReader, { body, end }: Box): Promise<string> {
  const at = body + credentialsType.length + versionBytes
  const text = (await boxes.bytes(at, Math.max(0, Math.min(maxPurposeBytes, end - at)))).toString('latin1')
  return text.slice(0, text.indexOf('\0'))
}

/** Whether a box contains one manifest store and nothing after it but zeros: no hash covers the box. */
export async function containsOnlyStore(boxes: BoxReader, box: Box): Promise<boolean> {
  if ((await purposeOf(boxes, box)) !== 'manifest') return false
  const before = credentialsType.length + versionBytes + 'manifest\0'.length + offsetBytes
  const store = (await boxes.contents(box, box.end - box.body)).subarray(before)
  if (store.length < 8) return false
  const length = store.readUInt32BE(0)
  return length >= 8 && length <= store.length && store.subarray(length).every((byte) => byte === 0)
}
