import { extensionOf, KiB } from '@airlock/domain'

/** Captions are sentences. */
export const maxCaptionBytes = 64 * KiB

/** Control characters that a text has no use for. */
const binary = /[^\P{Cc}\t\n\f\r]/u

/**
 * What is wrong with a caption, or null when it is a text in UTF-8, and by the name of .json valid JSON as well.
 *
 * @param bytes of at most `maxCaptionBytes`
 */
export function faultOfCaption(name: string, bytes: Buffer): string | null {
  const text = decoded(bytes)
  if (text === null || binary.test(text)) return 'it is no text in UTF-8'
  return extensionOf(name) === 'json' && !isJson(text) ? 'it is no JSON' : null
}

/** A byte order mark at the beginning, as Windows' editors write it, is no part of the text. */
const decoded = (bytes: Buffer): string | null => attempt(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes), TypeError)

const isJson = (text: string): boolean =>
  attempt(() => {
    JSON.parse(text)
    return true
  }, SyntaxError) ?? false

function attempt<T>(work: () => T, expected: new () => Error): T | null {
  try {
    return work()
  } catch (error) {
    if (error instanceof expected) return null
    throw error
  }
}
