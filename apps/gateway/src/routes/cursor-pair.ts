/** Longer than any valid cursor. */
export const maxCursorLength = 200

/** Two values as an opaque cursor. */
export const cursorOfPair = (pair: readonly [unknown, unknown]): string => Buffer.from(JSON.stringify(pair)).toString('base64url')

/** @returns the values of a cursor, not validated; null if the text does not contain a pair */
export function pairOfCursor(text: string): readonly [unknown, unknown] | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return Array.isArray(value) && value.length === 2 ? [value[0], value[1]] : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
