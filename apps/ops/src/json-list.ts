import type { CommandIo } from './command.ts'

/** Prints one JSON object that begins with a list of any length, item by item. If the command fails, the object is incomplete. */
export class JsonList {
  readonly #name: string
  readonly #out: CommandIo['out']
  #count = 0

  constructor(name: string, { out }: Pick<CommandIo, 'out'>) {
    this.#name = name
    this.#out = out
  }

  add(item: object): void {
    this.#out(`${this.#count === 0 ? this.#begin : ','} ${JSON.stringify(item)}`)
    this.#count += 1
  }

  /** @param rest the other fields, at least one */
  end(rest: Readonly<Record<string, unknown>>): void {
    if (this.#count === 0) this.#out(this.#begin)
    this.#out(`], ${JSON.stringify(rest).slice(1)}`)
  }

  get #begin(): string {
    return `{${JSON.stringify(this.#name)}: [`
  }
}
