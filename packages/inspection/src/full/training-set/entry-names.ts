import { ArchiveNotAllowed } from '../bad-bytes.ts'

/** UTF-8, which most programs write whether they say so or not; else the letters of DOS, of which only ASCII's are told apart. */
export function decodedName(raw: Buffer, saysUtf8: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    if (saysUtf8) throw new ArchiveNotAllowed('a name in it is not valid UTF-8')
    return raw.toString('latin1')
  }
}

/** The archive's own root, as an entry. */
export const rootFolder = './'

/**
 * A name as unpacking will understand it: without parts that are a dot alone. A dot at the very end stays, and is refused: it is a file to
 * some, and a folder to others.
 */
export function normalizedName(name: string): string {
  if (!/(?:^|\/)\.\//.test(name)) return name
  const parts = name.split('/')
  const kept = parts.filter((part, i) => part !== '.' || i === parts.length - 1).join('/')
  return kept === '' ? rootFolder : kept
}

/** What a name comes to on file systems that take no notice of capitals, or of how a letter is composed (Unicode UAX #15). */
export const foldedName = (name: string): string => name.replace(/\/$/, '').normalize('NFC').toLowerCase().normalize('NFC')
