/** Control characters that a text of any length may have. */
const toleratedControls = 4
/** A text may have one more for each run of this many bytes; random bytes have one in nine. */
const bytesPerControl = 32

/**
 * Whether bytes are a text in any ASCII-compatible encoding: they contain hardly any control characters. NULs count as such; UTF-16 is found by
 * `utf16Runs`.
 */
export function isText(bytes: Buffer): boolean {
  let left = toleratedControls + bytes.length / bytesPerControl
  for (const byte of bytes) {
    if ((byte < 0x20 && (byte < 0x09 || byte > 0x0d)) || byte === 0x7f) left--
    if (left < 0) return false
  }
  return true
}

/** Minimum length of printable ASCII: a run of 32 occurs by chance once in 10^13 random bytes. */
const minRun = 32

/**
 * The long runs of printable characters in bytes that are not a text, separated by NUL.
 *
 * Not by a regular expression: V8 stores a backtracking step for each character of a run, and throws a `RangeError` after about 5 million.
 */
export function printableRuns(text: string): string {
  const runs: string[] = []
  for (let start = 0; start < text.length; start++) {
    const end = endOfRun(text, start)
    if (end - start >= minRun) runs.push(text.slice(start, end))
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

/** Minimum length of ASCII in UTF-16 of either byte order: eight characters occur by chance once in 10^22 random bytes. */
const minUtf16Run = 8

/** The runs of UTF-16, separated by NUL; null if there are none. */
export function utf16Runs(text: string): string | null {
  const runs: string[] = []
  for (let at = text.indexOf('\0') - 1; at < text.length && at > -2; ) {
    const length = utf16RunLength(text, at, 0) || utf16RunLength(text, at, 1)
    if (length > 0) runs.push(everySecondByte(text, text.charCodeAt(at) === 0 ? at + 1 : at, length))
    at += 2 * length || 1
  }
  return runs.length === 0 ? null : runs.join('\0')
}

/** Every second character. Removing NULs by `replaceAll` takes seconds for millions of them. */
function everySecondByte(text: string, start: number, length: number): string {
  const letters = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) letters[i] = text.charCodeAt(start + 2 * i)
  return letters.toString('latin1')
}

/**
 * @param letter position of the letter in each pair of bytes; the other byte is NUL
 * @returns the number of pairs in the run that begins here, 0 if it is too short
 */
function utf16RunLength(text: string, start: number, letter: 0 | 1): number {
  let at = start
  while (isPrintable(text.charCodeAt(at + letter)) && text.charCodeAt(at + 1 - letter) === 0) at += 2
  const length = (at - start) / 2
  return length < minUtf16Run ? 0 : length
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

/** A numeric reference, whose semicolon is optional in HTML, or a named one for a character that occurs in code. */
const reference =
  /&(?:#x0{0,20}([0-9a-f]{1,6});?|#0{0,20}(\d{1,7});?|(lt|gt|quot|apos|amp|tab|newline|colon|lpar|rpar|sol|equals|grave|nbsp);)/gi

function resolved(text: string): string {
  return text.replace(reference, (whole, hex, decimal, name) => {
    if (name) return named[String(name).toLowerCase()] ?? whole
    const code = Number.parseInt(hex ?? decimal, hex ? 16 : 10)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** References are resolved twice in practice: by the reader of XML, and by the page that shows the text. */
const maxResolutions = 2

/** A text, followed by the forms in which its readers see it after they resolved references. */
export function* withReferencesResolved(text: string): Generator<string> {
  yield text
  let last = text
  for (let i = 0; i < maxResolutions && last.includes('&'); i++) {
    const next = resolved(last)
    if (next === last) return
    yield next
    last = next
  }
}
