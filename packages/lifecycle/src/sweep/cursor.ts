/** The end of a batch that is ordered by age. */
export interface Cursor {
  readonly at: Date
  readonly id: string
}

/** A cursor as text, which the sweep lease stores. */
export const encodeCursor = (cursor: Cursor | null): string | null => (cursor === null ? null : `${cursor.at.toISOString()} ${cursor.id}`)

export function decodeCursor(text: string | null): Cursor | null {
  if (text === null) return null
  const [at = '', id = ''] = text.split(' ')
  return { at: new Date(at), id }
}
