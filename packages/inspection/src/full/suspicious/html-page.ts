/** So many beginnings and parts are looked at, each up to its end or so far. */
const maxLooks = 1000
const maxTagLength = 1000
const maxTagsBetween = 5

const beginning = /<(?:!doctype\s{1,20}html|html)(?=[\s>])/gi
const part = /<(?:head|body|title|form|meta|link|style)(?=[\s/>])/iy
/** The parts that have attributes in pages. */
const attributed = /<(?:head|body|form|meta|link|style)(?=[\s/])/gi
const space = /\s{0,100}/y

/**
 * Whether a text is or holds a page: its beginning with a part right after it, nothing but tags and space between, or with a part that has
 * an attribute anywhere after it. A sentence that names the tags has words between them, and no attributes.
 *
 * Takes time in proportion to the text.
 */
export function holdsPage(text: string): boolean {
  let looks = 0
  let first: number | null = null
  for (const { index } of text.matchAll(beginning)) {
    if (++looks > maxLooks || beginsPage(text, index)) return true
    first ??= index
  }
  return first !== null && holdsAttributedPart(text.slice(first))
}

function beginsPage(text: string, from: number): boolean {
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

function holdsAttributedPart(text: string): boolean {
  let parts = 0
  for (const { index } of text.matchAll(attributed)) {
    if (++parts > maxLooks) return true
    if (text.slice(index, endOfTag(text, index + 1)).includes('=')) return true
  }
  return false
}

/** Where the next `<` or `>` stands, the text ends, or the tag is longer than a look at it takes. */
export function endOfTag(text: string, from: number): number {
  const limit = Math.min(text.length, from + maxTagLength)
  let at = from
  while (at < limit && text[at] !== '<' && text[at] !== '>') at++
  return at
}
