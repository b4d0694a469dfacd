/** The formats that Airlock accepts, and their file extensions (lower case, without the dot). */
export const mediaTypes = {
  'image/jpeg': { name: 'JPEG', extensions: ['jpg', 'jpeg'] },
  'image/png': { name: 'PNG', extensions: ['png'] },
  'image/webp': { name: 'WebP', extensions: ['webp'] },
  'video/mp4': { name: 'MP4', extensions: ['mp4'] },
  'application/zip': { name: 'ZIP', extensions: ['zip'] },
} as const satisfies Record<string, { name: string; extensions: readonly string[] }>

export type MediaType = keyof typeof mediaTypes

export const isMediaType = (value: string): value is MediaType => Object.hasOwn(mediaTypes, value)

/** The media type of an extension, or null when Airlock does not accept such files. */
export function mediaTypeOfExtension(extension: string): MediaType | null {
  const wanted = extension.toLowerCase()
  for (const [type, { extensions }] of Object.entries(mediaTypes)) {
    if ((extensions as readonly string[]).includes(wanted)) return type as MediaType
  }
  return null
}

/** Unregistered names that some programs send for an accepted type. */
const otherNames: Record<string, MediaType> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/x-png': 'image/png',
  'application/x-zip-compressed': 'application/zip',
  'application/x-zip': 'application/zip',
}

/** The type that clients send when they do not know it; it claims nothing (RFC 2046, section 4.5.1). */
export const undeclaredType = 'application/octet-stream'

/**
 * A client's `Content-Type` in the form that Airlock compares: lower case, no parameters, common aliases resolved.
 *
 * @returns the type's essence, for example `image/jpeg`; `application/octet-stream` when none was sent
 */
export function normalizedType(contentType: string | undefined): string {
  const essence = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (essence === '') return undeclaredType
  return otherNames[essence] ?? essence
}
