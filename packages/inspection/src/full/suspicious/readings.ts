/** Characters of ASCII that a text is made of. */
const controlsToSpare = 4
/** One control character in so many is more than a text has; random bytes have one in nine. */
const bytesForAControl = 32

/**
 * Whether bytes are a text, in whatever encoding that has ASCII as it is: hardly any control characters. NULs count as such, for they
 * are in UTF-16, which `readings` finds by itself.
 */
export function isText(bytes: Buffer): boolean {
  let left = controlsToSpare + bytes.length / bytesForAControl
  for (const byte of bytes) {
    if ((byte < 0x20 && (byte < 0x09 || byte > 0x0d)) || byte === 0x7f) left--
    if (left < 0) return false
  }
  return true
}

/** Printable ASCII by chance: a run of 32 comes once in 10^13 random bytes. */
const runs = /[\t\n\r -~]{32,}/g

/** What can be read in bytes that are not a text: their long runs of printable characters, NUL between them. */
export const onlyRuns = (text: string): string => (text.match(runs) ?? []).join('\0')

/** ASCII in UTF-16 of either byte order; eight characters of it come once in 10^22 random bytes. */
const wide = /(?:[\t\n\r -~]\0){8,}|(?:\0[\t\n\r -~]){8,}/g

/** Runs of UTF-16, NUL between them; null when there are none. */
export function utf16Runs(text: string): string | null {
  if (!text.includes('\0')) return null
  return (
    text
      .match(wide)
      ?.map((run) => run.replaceAll('\0', ''))
      .join('\0') ?? null
  )
}

const named: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  amp: '&',
  tab: '\t',
  newline: '\n',
  colon: ':',
  lpar: '(',
  rpar: ')',
  sol: '/',
  equals: '=',
  grave: '`',
  nbsp: ' ',
}

/** A reference by number, which HTML lets end without a semicolon, or one of the names that spell code. */
const reference =
  /&(?:#x0{0,20}([0-9a-f]{1,6});?|#0{0,20}(\d{1,7});?|(lt|gt|quot|apos|amp|tab|newline|colon|lpar|rpar|sol|equals|grave|nbsp);)/gi

function resolved(text: string): string {
  return text.replace(reference, (whole, hex, decimal, name) => {
    if (name) return named[String(name).toLowerCase()] ?? whole
    const code = Number.parseInt(hex ?? decimal, hex ? 16 : 10)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** How often references are resolved: XML's reader does it, and then the page that the text is shown in. */
const resolutions = 2

/** A text as it is, and as its readers see it once they have resolved the references in it. */
export function* withReferencesResolved(text: string): Generator<string> {
  yield text
  let last = text
  for (let i = 0; i < resolutions && last.includes('&'); i++) {
    const next = resolved(last)
    if (next === last) return
    yield next
    last = next
  }
}
