/** More matches count as a page. Each is examined up to its end, or to the maximum length. */
const maxMatches = 1000
const maxTagLength = 1000
const maxTagsBetween = 5

const beginning = /<(?:!doctype\s{1,20}html|html)(?=[\s>])/gi
const part = /<(?:head|body|title|form|meta|link|style)(?=[\s/>])/iy
/** Elements that have attributes in pages. */
const attributed = /<(?:head|body|form|meta|link|style)(?=[\s/])/gi
const space = /\s{0,100}/y

/**
 * Whether a text contains a page: its beginning followed by one of its elements with only tags and white space in between, or anywhere later by an
 * element with an attribute. A sentence that mentions the tags has words between them, and no attributes.
 *
 * Takes linear time.
 */
export function containsPage(text: string): boolean {
  let matches = 0
  let first: number | null = null
  for (const { index } of text.matchAll(beginning)) {
    if (++matches > maxMatches || startsPage(text, index)) return true
    first ??= index
  }
  return first !== null && containsAttributedPart(text.slice(first))
}

function startsPage(text: string, from: number): boolean {
  let at = from
  for (let tags = 0; tags <= maxTagsBetween; tags++) {
    const end = endOfTag(text, at + 1)
    if (text[end] !== '>') return false
    space.lastIndex = end + 1
    space.test(text)
    at = space.lastIndex
    part.lastIndex = at
    if (part.test(text)) return true
    if (text[at] !== '<') return false
  }
  return false
}

function containsAttributedPart(text: string): boolean {
  let parts = 0
  for (const { index } of text.matchAll(attributed)) {
    if (++parts > maxMatches) return true
    if (text.slice(index, endOfTag(text, index + 1)).includes('=')) return true
  }
  return false
}

/** The position of the next `<` or `>`, or of the end of the text, or `maxTagLength` after `from`. */
export function endOfTag(text: string, from: number): number {
  const limit = Math.min(text.length, from + maxTagLength)
  let at = from
  while (at < limit && text[at] !== '<' && text[at] !== '>') at++
  return at
}
