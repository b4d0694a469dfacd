const maxBytes = 4096

/**
 * Checks metadata by the gateway's rules, and for text that Postgres can't store.
 *
 * @returns `metadata: …`, or null
 */
export function metadataFault(metadata: Readonly<Record<string, string | number | boolean>> | undefined): string | null {
  if (metadata === undefined) return null
  const bytes = new TextEncoder().encode(JSON.stringify(metadata)).length
  if (bytes > maxBytes) return `metadata: has ${bytes} bytes as JSON, at most ${maxBytes} are allowed`
  const texts = Object.entries(metadata).flat().map(String)
  if (texts.some((text) => text.includes('\u0000'))) return 'metadata: has a NUL character'
  if (!texts.every((text) => text.isWellFormed())) return 'metadata: is not valid Unicode'
  return null
}
