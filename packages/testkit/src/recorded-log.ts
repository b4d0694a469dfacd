export interface Line {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Records log lines. */
export class RecordedLog {
  readonly lines: Line[] = []
  readonly info = this.#recorder('info')
  readonly warn = this.#recorder('warn')
  readonly error = this.#recorder('error')

  /** The fields of the lines with this message. */
  withMessage(message: string): Line['fields'][] {
    return this.lines.filter((line) => line.message === message).map(({ fields }) => fields)
  }

  #recorder(level: Line['level']) {
    return (fields: object, message: string): void => void this.lines.push({ level, message, fields: { ...fields } })
  }
}
