/** Longer than any cursor that we make. */
export const maxCursorLength = 200

/** Two values in a form that clients only keep and hand back. */
export const cursorOfPair = (pair: readonly [unknown, unknown]): string => Buffer.from(JSON.stringify(pair)).toString('base64url')

/** @returns what `cursorOfPair` was given, not looked into; null for a text that holds no pair */
export function pairOfCursor(text: string): readonly [unknown, unknown] | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return Array.isArray(value) && value.length === 2 ? [value[0], value[1]] : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
