import { MiB } from '@airlock/domain'
import { normalizedName } from './entry-names.ts'
import { decodedText } from './text-files.ts'

/** Ten thousand captions with their names have a few MiB. */
export const maxMetadataBytes = 16 * MiB

/** Lists of pictures and captions, as in Hugging Face's image folders. */
const metadataNames: readonly string[] = ['metadata.jsonl', 'metadata.csv']

export const isMetadataName = (base: string): boolean => metadataNames.includes(base.toLowerCase())

/** Names of fields that contain names of files: `file_name`, `mask_file_name`, `file_names`, `image_path`. */
const filenameField = /(?:^|_)(?:file_?names?|(?:file_?)?paths?)$/i

/**
 * Checks that a list is complete and names only entries of the archive, because programs open the files that it names.
 *
 * @param name of the list, with its folder
 * @param bytes at most `maxMetadataBytes`
 * @param isEntry whether the archive contains a file of this name (in Unicode NFC)
 * @returns what is wrong with it, or null
 */
export function metadataFault(name: string, bytes: Buffer, isEntry: (name: string) => boolean): string | null {
  const text = decodedText(bytes)
  if (text === null) return 'it is not UTF-8 text'
  const folder = name.slice(0, name.lastIndexOf('/') + 1)
  for (const record of name.toLowerCase().endsWith('.csv') ? recordsOfCsv(text) : recordsOfLines(text)) {
    if (record.fault !== null) return `line ${record.line} ${record.fault}`
    const unknownName = record.names.find((file) => !namesEntry(file, folder, isEntry))
    if (unknownName !== undefined) return `line ${record.line} names '${unknownName}', which is not in the archive`
  }
  return null
}

/** Relative to the list's folder, as the format defines it, or to the archive's root, as some programs write it. */
const namesEntry = (file: string, folder: string, isEntry: (name: string) => boolean): boolean =>
  [folder + file, file].some((path) => isEntry(normalizedName(path).normalize('NFC')))

/** The files that a record names, or its defect. */
interface MetadataRecord {
  readonly line: number
  readonly names: readonly string[]
  readonly fault: string | null
}

/** One JSON object per line. */
function* recordsOfLines(text: string): Generator<MetadataRecord> {
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    yield { line: i + 1, ...recordOfJson(line) }
  }
}

function recordOfJson(line: string): Omit<MetadataRecord, 'line'> {
  const record = parsed(line)
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return { names: [], fault: 'is not a JSON object' }
  const names: string[] = []
  let keys = 0
  // no recursion: a line of a million brackets is valid JSON
  for (const left: [key: string, value: unknown][] = [['', record]]; left.length > 0; ) {
    const [key, value] = left.pop() as [string, unknown]
    if (typeof value === 'string' && value !== '' && filenameField.test(key)) names.push(value)
    if (typeof value !== 'object' || value === null) continue
    const isList = Array.isArray(value)
    const members: [string, unknown][] = Object.entries(value).map(([name, member]) => [isList ? key : name, member])
    if (!isList) keys += members.length
    for (const member of members) left.push(member)
  }
  // readers differ in which of two keys of the same name they use
  return keys === keysIn(line) ? { names, fault: null } : { names, fault: 'has a duplicate key' }
}

/** Counts the keys in a line of valid JSON: strings followed by a colon. Not by a regular expression: V8's fail on values of a few MiB. */
function keysIn(line: string): number {
  let keys = 0
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at)) {
    at = endOfString(line, at + 1)
    while (/\s/.test(line.charAt(at))) at++
    if (line[at] === ':') keys++
  }
  return keys
}

/** @returns the position after the closing quote of the string whose characters begin at `start` */
function endOfString(line: string, start: number): number {
  let at = start
  while (at < line.length && line[at] !== '"') at += line[at] === '\\' ? 2 : 1
  return at + 1
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** Comma-separated values (RFC 4180) with a header. */
function* recordsOfCsv(text: string): Generator<MetadataRecord> {
  let columns: readonly string[] | null = null
  for (const { line, cells } of rowsOf(text)) {
    if (cells === null) yield { line, names: [], fault: 'is not valid CSV' }
    else if (cells.length === 1 && cells[0] === '') continue
    else if (columns === null) columns = cells.map((cell) => cell.trim())
    else if (cells.length !== columns.length) yield { line, names: [], fault: `has ${cells.length} values for ${columns.length} columns` }
    else yield { line, names: cells.filter((cell, i) => cell !== '' && filenameField.test(columns?.[i] ?? '')), fault: null }
  }
}

/** A value is quoted, with quotes in it doubled, or ends at the next comma or line end. `cells` is null if a row is invalid. */
function* rowsOf(text: string): Generator<{ line: number; cells: string[] | null }> {
  let [line, began, cells, at] = [1, 1, [] as string[], 0]
  while (at < text.length || cells.length > 0) {
    const isQuoted = text[at] === '"'
    const end = isQuoted ? endOfQuoted(text, at + 1) : endOfPlain(text, at)
    const after = separatorAt(text, end)
    if (after === null) return yield { line: began, cells: null }
    cells.push(isQuoted ? text.slice(at + 1, end - 1).replaceAll('""', '"') : text.slice(at, end))
    line += text.slice(at, after.end).split('\n').length - 1
    at = after.end
    if (after.isComma) continue
    yield { line: began, cells }
    ;[began, cells] = [line, []]
  }
}

/** @returns the position after the closing quote, or beyond the end of the text if there is none */
function endOfQuoted(text: string, start: number): number {
  for (let at = text.indexOf('"', start); at !== -1; at = text.indexOf('"', at + 2)) if (text[at + 1] !== '"') return at + 1
  return text.length + 1
}

function endOfPlain(text: string, start: number): number {
  const stop = /[,\r\n]/g
  stop.lastIndex = start
  return stop.exec(text)?.index ?? text.length
}

/** @returns the separator after the value that ends here; null if it is neither a comma nor the end of a line or of the text */
function separatorAt(text: string, at: number): { isComma: boolean; end: number } | null {
  if (at === text.length) return { isComma: false, end: at }
  const found = /,|\r?\n|\r/y
  found.lastIndex = at
  return found.test(text) ? { isComma: text[at] === ',', end: found.lastIndex } : null
}
