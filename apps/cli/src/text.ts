import stringWidth from 'string-width'

const segmenter = new Intl.Segmenter()

/** Replaces characters that move the cursor, break a line or reverse the text after them: names of files and texts of servers are not ours. */
export const printable = (text: string): string =>
  text.toWellFormed().replace(/[\p{Cc}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/gu, '\u{fffd}')

/** The columns that a terminal needs for a text, escape sequences not counted. */
export const widthOf = (text: string): number => stringWidth(text)

/**
 * Shortens a printable text to a width, in the middle: the end of a name often distinguishes it from others.
 *
 * @param tailShare the share of the width that the end gets
 */
export function cut(text: string, width: number, tailShare = 1 / 3): string {
  if (widthOf(text) <= width) return text
  if (width < 1) return ''
  const characters = [...segmenter.segment(text)].map(({ segment }) => segment)
  const tail = take(characters.toReversed(), Math.floor((width - 1) * tailShare)).toReversed()
  const head = take(characters, width - 1 - widthOf(tail.join('')))
  return `${head.join('')}…${tail.join('')}`
}

/** The first characters that fit a width. */
function take(characters: readonly string[], width: number): string[] {
  const taken: string[] = []
  let used = 0
  for (const character of characters) {
    used += widthOf(character)
    if (used > width) break
    taken.push(character)
  }
  return taken
}

/** Makes a text printable, and pads or shortens it to a width. */
export function fit(text: string, width: number): string {
  const shown = cut(printable(text), width)
  return shown + ' '.repeat(Math.max(0, width - widthOf(shown)))
}

/** Breaks a printable text between words into lines of at most `width` columns; longer words are kept whole, so that they can be copied. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** A size in at most eight characters: `812 B`, `1.4 MiB`, `340 MiB`. */
export function bytesText(bytes: number): string {
  const unit = unitOf(bytes)
  return `${inUnit(bytes, unit)} ${units[unit]}`
}

/** Two sizes in the unit of the second, in at most 14 characters: `50 of 340 MiB`. */
export function bytesOf(part: number, whole: number): string {
  return `${inUnit(part, unitOf(whole))} of ${bytesText(whole)}`
}

function unitOf(bytes: number): number {
  let unit = 0
  for (let value = bytes; value >= 1000 && unit < units.length - 1; value /= 1024) unit++
  return unit
}

function inUnit(bytes: number, unit: number): string {
  const value = bytes / 1024 ** unit
  return value.toFixed(unit > 0 && value < 9.95 ? 1 : 0)
}

/** A duration: `8 s`, `1:05`, `2:10:00`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  const two = (value: number) => String(value).padStart(2, '0')
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`
}

/** A local time, with its date only if that is not today: `14:03`, `27 Nov 14:03`. */
export function timeText(time: string | number | Date, now = new Date()): string {
  const date = new Date(time)
  const clock = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
  if (date.toDateString() === now.toDateString()) return clock
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const }
  return `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', ...year })} ${clock}`
}

/** `1 file`, `4 files`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

/** The first few of a list, and how many more there are. */
export function someOf(texts: readonly string[], most = 3): string {
  const shown = texts.slice(0, most).map(printable).join(', ')
  return texts.length > most ? `${shown} and ${texts.length - most} more` : shown
}
