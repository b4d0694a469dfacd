/** Where an ICC profile (ICC.1:2022, section 7) has its signature, its number of tags, and their list: name, offset and size of each. */
const signatureAt = 36
const tagCountAt = 128
const tagsAt = 132
const tagBytes = 12
/** Type and reserved bytes at the beginning of a tag's data. */
const typeBytes = 8
const maxTags = 200

/** Types whose data are numbers: curves, tables of colours, matrices. Nobody reads them as a text, and smooth ones hold any letters. */
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
 * A colour profile without its tables: the names, descriptions and copyrights in it stay where they are, and so does whatever belongs to no
 * tag; tables are NULs. Bytes that are not a profile are returned as they are.
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
  // A tag that is no table shows its bytes even where a table claims them too; and no tag covers the list of tags
  for (const { start, end, type } of tags) if (!tables.has(type) && start < end) profile.copy(texts, start, start, end)
  profile.copy(texts, 0, 0, tagsAt)
  return texts
}
