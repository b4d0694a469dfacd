/** Where a batch by age ended. */
export interface Cursor {
  readonly at: Date
  readonly id: string
}

/** A cursor as a place that survives a restart. */
export const placeOf = (cursor: Cursor | null): string | null => (cursor === null ? null : `${cursor.at.toISOString()} ${cursor.id}`)

export function cursorOf(place: string | null): Cursor | null {
  if (place === null) return null
  const [at = '', id = ''] = place.split(' ')
  return { at: new Date(at), id }
}
