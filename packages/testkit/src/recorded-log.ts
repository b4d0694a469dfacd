export interface Line {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Records log lines. */
export class RecordedLog {
  readonly lines: Line[] = []

  info(fields: object, message: string): void {
    this.#add('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#add('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#add('error', fields, message)
  }

  /** The fields of the lines with this message. */
  withMessage(message: string): Line['fields'][] {
    return this.lines.filter((line) => line.message === message).map(({ fields }) => fields)
  }

  #add(level: Line['level'], fields: object, message: string): void {
    this.lines.push({ level, message, fields: { ...fields } })
  }
}
