import { ArchiveNotAllowed } from '../invalid-file.ts'

/** Decodes UTF-8, which most programs write even if they do not declare it; otherwise code page 437, of which only ASCII is distinguished. */
export function decodedName(raw: Buffer, declaresUtf8: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    if (declaresUtf8) throw new ArchiveNotAllowed('an entry name is not valid UTF-8')
    return raw.toString('latin1')
  }
}

/** The name of the archive's root as an entry. */
export const rootFolder = './'

/**
 * Removes the parts `.` from a path, as unpackers do. A final `.` is kept, so that the name is refused: it is a file to some programs and a
 * folder to others.
 */
export function normalizedName(name: string): string {
  if (!/(?:^|\/)\.\//.test(name)) return name
  const parts = name.split('/')
  const kept = parts.filter((part, i) => part !== '.' || i === parts.length - 1).join('/')
  return kept === '' ? rootFolder : kept
}

/** Equal for names that are the same to file systems which ignore case and Unicode composition (UAX #15). */
export const foldedName = (name: string): string => name.replace(/\/$/, '').normalize('NFC').toLowerCase().normalize('NFC')
