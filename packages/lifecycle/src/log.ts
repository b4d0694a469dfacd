/** The part of a pino logger that the lifecycle needs. Fields first, then a sentence without values in it. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
