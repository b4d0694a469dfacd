import Type from 'typebox'

/** A UUID of any version, in its usual form and in either case (RFC 9562, section 4). */
export const Uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', description: 'a UUID' })
