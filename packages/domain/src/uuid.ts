const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether a text is a UUID of any version, in its usual form (RFC 9562, section 4). */
export const isUuid = (text: string): boolean => uuidPattern.test(text)
