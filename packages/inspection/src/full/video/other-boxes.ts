import { KiB } from '@airlock/domain'
import { searchBytes, searchText } from '../suspicious/search.ts'
import type { Box, BoxReader } from './box-reader.ts'

/** So much of one box, and of all together, is looked at; titles, covers and XMP have some hundred KiB. */
const maxBoxBytes = 256 * KiB
const maxBytesInAll = 1024 * KiB

/** Archives have their directory at the end of the file, whatever it begins with: so much of it with the longest comment. */
const tailBytes = 66 * KiB

/**
 * Looks for what another program could run or read as its own: in the boxes that no player needs, and at the file's end.
 *
 * The media itself is not read: it is most of the file, and nothing in the middle of a film is found by another program's reader.
 *
 * @throws Suspicious
 */
export async function searchOtherBoxes(boxes: BoxReader, others: readonly Box[]): Promise<void> {
  let left = maxBytesInAll
  for (const box of others) {
    const length = Math.min(box.end - box.body, maxBoxBytes, left)
    if (length === 0) continue
    left -= length
    const contents = await boxes.contents(box, length)
    const where = `its box '${box.type}'`
    searchText(contents, where)
    searchBytes(contents, where)
  }
  const start = Math.max(0, boxes.fileBytes - tailBytes)
  searchBytes(await boxes.bytes(start, boxes.fileBytes - start), 'its last bytes')
}
