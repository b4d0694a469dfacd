/** Offsets in an ICC profile (ICC.1:2022, section 7): its signature, its number of tags, and their list with name, offset and size. */
const signatureAt = 36
const tagCountAt = 128
const tagsAt = 132
const tagBytes = 12
/** Type and reserved bytes at the beginning of a tag's data. */
const typeBytes = 8
const maxTags = 200

/** Types whose data are numbers: curves, colour tables, matrices. They may contain any letters by chance. */
const tables: ReadonlySet<string> = new Set([
  'curv',
  'para',
  'mft1',
  'mft2',
  'mAB ',
  'mBA ',
  'mpet',
  'XYZ ',
  'sf32',
  'uf32',
  'ui08',
  'ui16',
  'ui32',
  'ui64',
  'vcgt',
  'clrt',
])

/**
 * A colour profile whose tables of numbers are replaced by NULs. Names, descriptions, copyrights and bytes that belong to no tag stay where they
 * are. Bytes that are not a profile are returned unchanged.
 */
export function withoutTables(profile: Buffer): Buffer {
  if (profile.length < tagsAt || profile.toString('latin1', signatureAt, signatureAt + 4) !== 'acsp') return profile
  const texts = Buffer.from(profile)
  const count = Math.min(profile.readUInt32BE(tagCountAt), maxTags, Math.floor((profile.length - tagsAt) / tagBytes))
  const tags = Array.from({ length: count }, (_, i) => {
    const start = profile.readUInt32BE(tagsAt + i * tagBytes + 4)
    const end = Math.min(start + profile.readUInt32BE(tagsAt + i * tagBytes + 8), profile.length)
    return { start, end, type: profile.toString('latin1', start, start + 4) }
  })
  for (const { start, end, type } of tags) if (tables.has(type) && start + typeBytes < end) texts.fill(0, start + typeBytes, end)
  // bytes that a table shares with another tag, or with the list of tags, are searched
  for (const { start, end, type } of tags) if (!tables.has(type) && start < end) profile.copy(texts, start, start, end)
  profile.copy(texts, 0, 0, tagsAt)
  return texts
}
