/** Characters of ASCII that a text is made of. */
const controlsToSpare = 4
/** One control character in so many is more than a text has; random bytes have one in nine. */
const bytesForAControl = 32

/**
 * Whether bytes are a text, in whatever encoding that has ASCII as it is: hardly any control characters. NULs count as such, for they
 * are in UTF-16, which `utf16Runs` finds by itself.
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
const shortestRun = 32

/**
 * What can be read in bytes that are not a text: their long runs of printable characters, NUL between them.
 *
 * Not by a pattern: those of V8 keep a step back for each character of a run, and throw a `RangeError` after some 5 million.
 */
export function onlyRuns(text: string): string {
  const runs: string[] = []
  for (let start = 0; start < text.length; start++) {
    const end = endOfRun(text, start)
    if (end - start >= shortestRun) runs.push(text.slice(start, end))
    start = end
  }
  return runs.join('\0')
}

function endOfRun(text: string, start: number): number {
  let at = start
  while (at < text.length && isPrintable(text.charCodeAt(at))) at++
  return at
}

const isPrintable = (code: number): boolean => (code >= 0x20 && code <= 0x7e) || code === 0x09 || code === 0x0a || code === 0x0d

/** ASCII in UTF-16 of either byte order; eight characters of it come once in 10^22 random bytes. */
const shortestWideRun = 8

/** Runs of UTF-16, NUL between them; null when there are none. */
export function utf16Runs(text: string): string | null {
  const runs: string[] = []
  for (let at = text.indexOf('\0') - 1; at < text.length && at > -2; ) {
    const length = wideRun(text, at, 0) || wideRun(text, at, 1)
    if (length > 0) runs.push(lettersFrom(text, text.charCodeAt(at) === 0 ? at + 1 : at, length))
    at += 2 * length || 1
  }
  return runs.length === 0 ? null : runs.join('\0')
}

/** Every second character: removing the NULs by `replaceAll` takes seconds where there are millions of them. */
function lettersFrom(text: string, start: number, length: number): string {
  const letters = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) letters[i] = text.charCodeAt(start + 2 * i)
  return letters.toString('latin1')
}

/**
 * @param letter where in each pair of bytes the letter stands, the other being NUL
 * @returns the number of pairs that begin here, 0 for a run that is too short
 */
function wideRun(text: string, start: number, letter: 0 | 1): number {
  let at = start
  while (isPrintable(text.charCodeAt(at + letter)) && text.charCodeAt(at + 1 - letter) === 0) at += 2
  const length = (at - start) / 2
  return length < shortestWideRun ? 0 : length
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
