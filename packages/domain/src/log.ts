/** The part of a pino logger that the packages need. Values belong in the fields, not in the message. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
