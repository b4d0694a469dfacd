import type { Content } from '@airlock/domain'

/** What a text gives itself away by, first match first. */
const signs: readonly (readonly [described: string, sign: RegExp])[] = [
  ['SVG', /<svg[\s>]/i],
  ['HTML', /<(?:!doctype html|html|head|body|script)[\s>]/i],
  ['XML', /^\s*<\?xml\s/i],
  ['a script', /^#!/],
]

/** Control characters that a text has no use for: all but tab, line feed, form feed and carriage return. */
const binary = /[^\P{Cc}\t\n\f\r]/u

/** What kind of text the bytes are, or null when they are no UTF-8 text. A character that the end of the head cuts in two does no harm. */
export function identifyText(head: Uint8Array): Content | null {
  const text = decoded(head)
  if (text === null || binary.test(text)) return null
  return { mediaType: null, described: signs.find(([, sign]) => sign.test(text))?.[0] ?? 'plain text' }
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
