const maxBytes = 4096

/**
 * Looks for what Postgres can't keep, or the gateway would refuse as well.
 *
 * @returns `metadata: …`, or null
 */
export function metadataFault(metadata: Readonly<Record<string, string | number | boolean>> | undefined): string | null {
  if (metadata === undefined) return null
  const bytes = new TextEncoder().encode(JSON.stringify(metadata)).length
  if (bytes > maxBytes) return `metadata: has ${bytes} bytes as JSON, at most ${maxBytes} are kept`
  const texts = Object.entries(metadata).flat().map(String)
  if (texts.some((text) => text.includes('\u0000'))) return 'metadata: holds a NUL character'
  if (!texts.every((text) => text.isWellFormed())) return 'metadata: is not valid Unicode'
  return null
}
