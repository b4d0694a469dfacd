import { extensionOf, KiB } from '@airlock/domain'
import { decodedText } from './text.ts'

/** Captions are sentences. */
export const maxCaptionBytes = 64 * KiB

/** Extensions of captions; kohya's and others' tools know `.caption`. */
export const captionExtensions: readonly string[] = ['txt', 'caption', 'json']

/**
 * What is wrong with a caption, or null when it is a text in UTF-8, and by the name of .json valid JSON as well.
 *
 * @param bytes of at most `maxCaptionBytes`
 */
export function faultOfCaption(name: string, bytes: Buffer): string | null {
  const text = decodedText(bytes)
  if (text === null) return 'it is no text in UTF-8'
  return extensionOf(name) === 'json' && !isJson(text) ? 'it is no JSON' : null
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
